from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Connection, Item, PendingRemoval, Transaction
from banking.provider import Readiness
from banking.tests.factories import make_account, make_transaction, update_item
from banking.tests.job_queue import queued_jobs
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def imported_item(item: Item) -> Item:
    """Alice's Item, completely imported, with one account and two transactions."""
    account = make_account(item)
    make_transaction(account, "-1")
    make_transaction(account, "-2")
    return update_item(
        item, institution_name="Platypus & Sons", readiness=Readiness.HISTORICAL, checked_at=timezone.now()
    )


def list_triggers(item: Item) -> list[str]:
    return [job.arguments[-1] for job in queued_jobs(item.pk)]


# --- Progress of an import --------------------------------------------------------------------------------


def get_progress_page(client: Client, item: Item, **headers: str):
    return client.get(reverse("importing", args=[item.pk]), headers=headers)


@pytest.mark.parametrize(
    ("fields", "sentence", "polls"),
    [
        ({"readiness": Readiness.NOT_READY}, "Importing from Platypus & Sons.", True),
        ({"readiness": Readiness.INITIAL}, "Older ones are still importing.", True),
        ({"readiness": Readiness.INITIAL, "connected_at": timedelta(minutes=11)}, "Still importing", False),
        ({"readiness": Readiness.HISTORICAL}, "Import from Platypus & Sons is complete.", False),
        ({"readiness": Readiness.INITIAL, "failures": 1}, "was interrupted.", False),
    ],
)
def test_it_shows_the_progress_and_polls_only_while_the_import_runs(
    as_alice: Client, imported_item: Item, fields: dict[str, object], sentence: str, polls: bool
) -> None:
    if "connected_at" in fields:
        fields = fields | {"connected_at": timezone.now() - fields["connected_at"]}
    update_item(imported_item, **fields)
    page = page_text(get_progress_page(as_alice, imported_item))
    assert sentence in page
    assert ('hx-trigger="every' in page) is polls
    assert ('http-equiv="refresh"' in page) is polls


def test_it_sends_only_the_progress_to_htmx(as_alice: Client, imported_item: Item) -> None:
    update_item(imported_item, readiness=Readiness.INITIAL)
    part = page_text(get_progress_page(as_alice, imported_item, HX_Request="true"))
    assert part.startswith('<div id="progress"')
    assert "Imported so far: 1 account · 2 transactions" in part
    assert "<html" not in part


def test_it_shows_no_import_of_another_user(as_mallory: Client, imported_item: Item) -> None:
    assert get_progress_page(as_mallory, imported_item).status_code == 404
    assert get_progress_page(as_mallory, imported_item, HX_Request="true").status_code == 404


# --- Sync now ---------------------------------------------------------------------------------------------


def test_it_syncs_one_bank_but_not_again_at_once(as_alice: Client, imported_item: Item) -> None:
    url = reverse("refresh", args=[imported_item.pk])
    first = as_alice.post(url, follow=True)
    assert first.redirect_chain == [(reverse("item", args=[imported_item.pk]), 302)]
    assert "Syncing Platypus & Sons" in page_text(first)
    assert "You requested a sync in the last 5 minutes. Try again at" in page_text(as_alice.post(url, follow=True))
    assert list_triggers(imported_item) == ["person"]


def test_it_syncs_every_bank_that_can_be_refreshed(
    as_alice: Client, alice: User, mallory: User, imported_item: Item, make_item: Callable[..., Item]
) -> None:
    second = make_item(alice, provider_item_id="second")
    broken = make_item(alice, provider_item_id="broken", connection=Connection.LOGIN_REQUIRED)
    recently_refreshed = make_item(alice, provider_item_id="asked", refreshed_at=timezone.now())
    mallorys_item = make_item(mallory)
    assert as_alice.post(reverse("refresh_all")).url == reverse("overview")
    assert [list_triggers(item) for item in (imported_item, second, broken, recently_refreshed, mallorys_item)] == [
        ["person"],
        ["person"],
        [],
        [],
        [],
    ]


def test_it_tells_the_user_if_no_bank_can_be_refreshed_yet(as_alice: Client, imported_item: Item) -> None:
    as_alice.post(reverse("refresh_all"))
    assert "No bank can sync right now. You can sync a bank again 5 minutes after" in page_text(
        as_alice.post(reverse("refresh_all"), follow=True)
    )
    assert list_triggers(imported_item) == ["person"]


@pytest.mark.parametrize("connection", [Connection.LOGIN_REQUIRED, Connection.NEEDS_CONSENT, Connection.REVOKED])
def test_it_tells_the_user_that_a_connection_without_access_cannot_sync(
    as_alice: Client, alice: User, imported_item: Item, connection: str
) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=imported_item.pk).update(connection=connection)
    page = page_text(as_alice.post(reverse("refresh", args=[imported_item.pk]), follow=True))
    assert "This connection can't sync right now." in page
    assert "in the last 5 minutes" not in page
    assert list_triggers(imported_item) == []


def test_it_syncs_nothing_for_another_user(as_mallory: Client, imported_item: Item) -> None:
    assert as_mallory.post(reverse("refresh", args=[imported_item.pk])).status_code == 404
    assert as_mallory.post(reverse("refresh_all")).status_code == 302
    assert list_triggers(imported_item) == []


def test_it_stores_the_request_if_the_queue_is_unavailable(
    as_alice: Client, imported_item: Item, queue_down: None
) -> None:
    assert as_alice.post(reverse("refresh", args=[imported_item.pk])).status_code == 302
    assert as_alice.post(reverse("refresh_all")).status_code == 302
    assert update_item(imported_item).sync_requested_at is not None


# --- Disconnecting ----------------------------------------------------------------------------------------


def list_pending_removals(user: User) -> list[PendingRemoval]:
    with tenant(user.pk):
        return list(PendingRemoval.objects.for_user(user))


def count_history(user: User) -> tuple[int, int]:
    with tenant(user.pk):
        return Account.objects.for_user(user).count(), Transaction.objects.for_user(user).count()


def test_it_shows_what_will_be_disconnected_before_it_is(as_alice: Client, alice: User, imported_item: Item) -> None:
    page = page_text(as_alice.get(reverse("disconnect", args=[imported_item.pk])))
    assert "Disconnect Platypus & Sons?" in page
    assert "1 account · 2 transactions" in page
    assert (update_item(imported_item).connection, list_pending_removals(alice)) == (Connection.ACTIVE, [])


@pytest.mark.parametrize(("choice", "remaining"), [("keep", (1, 2)), ("delete", (0, 0))])
def test_it_disconnects_the_bank_and_keeps_or_deletes_the_history(
    as_alice: Client, alice: User, imported_item: Item, choice: str, remaining: tuple[int, int]
) -> None:
    response = as_alice.post(reverse("disconnect", args=[imported_item.pk]), {"history": choice}, follow=True)
    assert response.redirect_chain == [(reverse("accounts"), 302)]
    page = page_text(response).split("</nav>")[-1]
    assert "Platypus & Sons is disconnected. We no longer sync it." in page
    assert page.count("Platypus") == 1
    (removal,) = list_pending_removals(alice)
    assert [job.task for job in queued_jobs(removal.pk)] == ["remove_at_provider"]
    assert (update_item(imported_item).connection, count_history(alice)) == (Connection.REMOVING, remaining)


@pytest.mark.parametrize("fields", [{}, {"history": ""}, {"history": "burn"}, {"history": "keep\0"}, {"other": "keep"}])
def test_it_disconnects_nothing_without_a_valid_choice(
    as_alice: Client, alice: User, imported_item: Item, fields: dict[str, str]
) -> None:
    page = as_alice.post(reverse("disconnect", args=[imported_item.pk]), fields)
    assert page.status_code == (422 if fields else 200)
    assert (update_item(imported_item).connection, list_pending_removals(alice), count_history(alice)) == (
        Connection.ACTIVE,
        [],
        (1, 2),
    )


def test_it_disconnects_a_bank_once(as_alice: Client, alice: User, imported_item: Item) -> None:
    url = reverse("disconnect", args=[imported_item.pk])
    for _ in range(2):
        assert as_alice.post(url, {"history": "keep"}).status_code == 302
    assert len(list_pending_removals(alice)) == 1
    assert as_alice.get(url).status_code == 404


def test_it_does_not_disconnect_another_users_bank(as_mallory: Client, alice: User, imported_item: Item) -> None:
    url = reverse("disconnect", args=[imported_item.pk])
    responses = [as_mallory.get(url), as_mallory.post(url), as_mallory.post(url, {"history": "delete"})]
    assert [response.status_code for response in responses] == [404, 404, 404]
    assert (update_item(imported_item).connection, count_history(alice)) == (Connection.ACTIVE, (1, 2))


def test_it_stores_the_removal_if_the_queue_is_unavailable(
    as_alice: Client, alice: User, imported_item: Item, queue_down: None
) -> None:
    assert as_alice.post(reverse("disconnect", args=[imported_item.pk]), {"history": "keep"}).status_code == 302
    assert len(list_pending_removals(alice)) == 1


def test_it_still_lists_kept_transactions(as_alice: Client, imported_item: Item) -> None:
    as_alice.post(reverse("disconnect", args=[imported_item.pk]), {"history": "keep"})
    assert "2 transactions" in page_text(as_alice.get(reverse("transactions")))


@pytest.mark.parametrize("name", ["refresh", "refresh_all"])
def test_it_syncs_only_by_post(as_alice: Client, imported_item: Item, name: str) -> None:
    url = reverse(name, args=[] if name == "refresh_all" else [imported_item.pk])
    assert as_alice.get(url).status_code == 405
    assert list_triggers(imported_item) == []


# --- Reauthentication -------------------------------------------------------------------------------------


def test_it_requires_a_fresh_sign_in_to_disconnect(alice: User, imported_item: Item) -> None:
    alice.set_password("correct horse battery staple")
    alice.save()
    client = Client()
    client.force_login(alice)
    url = reverse("disconnect", args=[imported_item.pk])
    for response in (client.get(url), client.post(url, {"history": "delete"})):
        assert response.url == f"{reverse('account_reauthenticate')}?next={quote(url, safe='')}"
    with tenant(alice.pk):
        imported_item.refresh_from_db()
        assert imported_item.connection == Connection.ACTIVE
