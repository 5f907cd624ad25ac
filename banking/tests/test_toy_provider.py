"""A second provider links, syncs, sends webhooks and disconnects through the site's own views and tasks."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking import tasks
from banking.models import Account, Connection, Item, LinkSession, PendingRemoval, Transaction
from banking.provider import ProviderConfigurationError
from banking.providers import provider_for
from banking.sync import sync_queue
from banking.tests.job_queue import queued_jobs
from banking.tests.link_dialog import AGREED, list_items, post_public_token
from banking.tests.received_webhooks import list_events
from banking.tests.scripted_provider import ScriptedProvider
from banking.tests.toy_provider import ToyBank, ToyProvider, sign
from banking.views import webhooks
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank(settings, monkeypatch: pytest.MonkeyPatch) -> ToyBank:
    """The toy provider's bank, on a site with two providers."""
    settings.BANK_PROVIDERS = {**settings.BANK_PROVIDERS, "toy": "banking.tests.toy_provider.ToyProvider"}
    monkeypatch.setattr(ToyProvider, "bank", ToyBank())
    return ToyProvider.bank


@pytest.fixture
def toy_item(bank: ToyBank, as_alice: Client, alice: User) -> Item:
    """Alice's Item at the toy provider, linked through the site's pages."""
    page = as_alice.post(reverse("connect") + "?provider=toy", AGREED)
    assert 'src="https://toy.example/dialog.js"' in page_text(page)
    assert "https://toy.example/dialog.js" in page.headers["Content-Security-Policy"]
    with tenant(alice.pk):
        session = LinkSession.objects.get()
        link_token = session.link_token.reveal()
    assert post_public_token(as_alice, session, token=bank.finish_dialog(link_token)).status_code == 302
    [item] = list_items(alice)
    return item


def sync(item: Item) -> Item:
    tasks.sync_item(str(item.owner_id), str(item.pk), "test")
    with tenant(item.owner_id):
        return Item.objects.select_related("institution").get(pk=item.pk)


def make_due(item: Item) -> None:
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(next_sync_at=timezone.now() - timedelta(hours=1))


def test_it_links_through_the_sites_pages(toy_item: Item) -> None:
    assert (toy_item.provider, toy_item.environment, toy_item.days_requested) == ("toy", "toybox", 30)
    assert not toy_item.is_in_other_environment
    assert [job.task for job in queued_jobs(toy_item.pk)] == ["sync_item"]


def test_it_is_named_in_the_consent(bank: ToyBank, as_alice: Client) -> None:
    assert "that I choose through Toyland" in page_text(as_alice.get(reverse("connect") + "?provider=toy"))
    assert "that I choose through Plaid" in page_text(as_alice.get(reverse("connect")))
    assert as_alice.get(reverse("connect") + "?provider=nobody").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_it_syncs_exact_amounts_and_continues_from_its_cursor(toy_item: Item, bank: ToyBank, alice: User) -> None:
    bank.amounts += [Decimal("-4.33"), Decimal("100.01")]
    item = sync(toy_item)
    bank.amounts += [Decimal("-0.01")]
    make_due(toy_item)
    sync(toy_item)
    with tenant(alice.pk):
        assert list(Transaction.objects.order_by("day").values_list("amount", "currency")) == [
            (Decimal("-4.33"), "EUR"),
            (Decimal("100.01"), "EUR"),
            (Decimal("-0.01"), "EUR"),
        ]
        assert Account.objects.get().current == Decimal("12.34")
    assert (item.institution.name, item.institution.provider, item.connection) == ("Toy Bank", "toy", "active")


def test_it_is_scheduled_together_with_plaid(
    toy_item: Item, alice: User, mallory: User, make_item, provider: ScriptedProvider
) -> None:
    plaids_item = make_item(mallory)
    make_due(toy_item)
    make_due(plaids_item)
    assert {claimed.item_id for claimed in sync_queue.claim_due_syncs(limit=10)} == {toy_item.pk, plaids_item.pk}


def test_it_can_have_the_same_item_id_as_another_provider(toy_item: Item, mallory: User, make_item) -> None:
    plaids_item = make_item(mallory, provider_item_id=toy_item.provider_item_id)
    items = [
        sync_queue.find_current_item(provider_key=key, provider_item_id=toy_item.provider_item_id)
        for key in ("toy", "plaid")
    ]
    assert items == [(toy_item.owner_id, toy_item.pk), (mallory.pk, plaids_item.pk)]


def test_it_verifies_its_own_webhooks(toy_item: Item, rf: RequestFactory) -> None:
    body = json.dumps({"item": toy_item.provider_item_id}).encode()
    jobs = len(queued_jobs(toy_item.pk))
    for signature, status in ((sign(body), 200), ("forged", 400)):
        request = rf.post("/webhooks/toy/", body, content_type="application/json", headers={"Toy-Signature": signature})
        assert webhooks.receive(request, "toy").status_code == status
    [event] = list_events()
    tasks.process_webhook(str(event.pk))
    assert len(queued_jobs(toy_item.pk)) == jobs + 1


def test_it_disconnects_and_removes_the_item_at_its_bank(toy_item: Item, bank: ToyBank, as_alice: Client) -> None:
    as_alice.post(reverse("disconnect", args=[toy_item.pk]), {"history": "keep"})
    with tenant(toy_item.owner_id):
        removal = PendingRemoval.objects.get()
    assert bank.access_tokens
    tasks.remove_at_provider(str(toy_item.owner_id), str(removal.pk))
    assert bank.access_tokens == {}
    with tenant(toy_item.owner_id):
        assert Item.objects.get().connection == Connection.REMOVED


def test_it_describes_its_own_error_codes(toy_item: Item) -> None:
    toy_item.error_code = "TOY_LOCKED"
    assert toy_item.access_message == "Your toy box is locked."
    toy_item.error_code = "ITEM_LOGIN_REQUIRED"
    assert toy_item.access_message == ""


def test_it_is_not_called_without_its_setting(toy_item: Item, settings) -> None:
    settings.BANK_PROVIDERS = {"plaid": settings.BANK_PROVIDERS["plaid"]}
    assert toy_item.is_in_other_environment
    assert sync_queue.claim_due_syncs(limit=10) == []
    with pytest.raises(ProviderConfigurationError, match="UNKNOWN_PROVIDER"):
        provider_for("toy")
