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


def triggers(item: Item) -> list[str]:
    return [job.arguments[-1] for job in queued_jobs(item.pk)]


# --- Watching an import -----------------------------------------------------------------------------------


def watch(client: Client, item: Item, **headers: str):
    return client.get(reverse("importing", args=[item.pk]), headers=headers)


@pytest.mark.parametrize(
    ("facts", "sentence", "polls"),
    [
        ({"readiness": Readiness.NOT_READY}, "Importing from Platypus & Sons.", True),
        ({"readiness": Readiness.INITIAL}, "Older ones are still importing.", True),
        ({"readiness": Readiness.INITIAL, "connected_at": timedelta(minutes=11)}, "Still importing", False),
        ({"readiness": Readiness.HISTORICAL}, "Import from Platypus & Sons is complete.", False),
        ({"readiness": Readiness.INITIAL, "failures": 1}, "was interrupted.", False),
    ],
)
def test_it_says_how_far_the_import_is_and_asks_again_only_while_it_runs(
    as_alice: Client, imported_item: Item, facts: dict[str, object], sentence: str, polls: bool
) -> None:
    if "connected_at" in facts:
        facts = facts | {"connected_at": timezone.now() - facts["connected_at"]}
    update_item(imported_item, **facts)
    page = page_text(watch(as_alice, imported_item))
    assert sentence in page
    assert ('hx-trigger="every' in page) is polls
    assert ('http-equiv="refresh"' in page) is polls


def test_it_sends_only_the_part_that_changes_to_a_page_that_asks_again(as_alice: Client, imported_item: Item) -> None:
    update_item(imported_item, readiness=Readiness.INITIAL)
    part = page_text(watch(as_alice, imported_item, HX_Request="true"))
    assert part.startswith('<div id="progress"')
    assert "Imported so far: 1 account · 2 transactions" in part
    assert "<html" not in part


def test_it_shows_no_import_of_somebody_else(as_mallory: Client, imported_item: Item) -> None:
    assert watch(as_mallory, imported_item).status_code == 404
    assert watch(as_mallory, imported_item, HX_Request="true").status_code == 404


# --- Sync now ---------------------------------------------------------------------------------------------


def test_it_asks_one_bank_for_news_and_not_again_at_once(as_alice: Client, imported_item: Item) -> None:
    address = reverse("refresh", args=[imported_item.pk])
    first = as_alice.post(address, follow=True)
    assert first.redirect_chain == [(reverse("item", args=[imported_item.pk]), 302)]
    assert "Syncing Platypus & Sons" in page_text(first)
    assert "You requested a sync in the last 5 minutes. Try again at" in page_text(as_alice.post(address, follow=True))
    assert triggers(imported_item) == ["person"]


def test_it_asks_every_bank_that_may_be_asked(
    as_alice: Client, alice: User, mallory: User, imported_item: Item, make_item: Callable[..., Item]
) -> None:
    second = make_item(alice, provider_item_id="second")
    broken = make_item(alice, provider_item_id="broken", connection=Connection.LOGIN_REQUIRED)
    asked = make_item(alice, provider_item_id="asked", refreshed_at=timezone.now())
    hers = make_item(mallory)
    assert as_alice.post(reverse("refresh_all")).url == reverse("overview")
    assert [triggers(item) for item in (imported_item, second, broken, asked, hers)] == [
        ["person"],
        ["person"],
        [],
        [],
        [],
    ]


def test_it_says_so_when_no_bank_may_be_asked_yet(as_alice: Client, imported_item: Item) -> None:
    as_alice.post(reverse("refresh_all"))
    assert "No bank can sync right now." in page_text(as_alice.post(reverse("refresh_all"), follow=True))
    assert triggers(imported_item) == ["person"]


@pytest.mark.parametrize("connection", [Connection.LOGIN_REQUIRED, Connection.NEEDS_CONSENT, Connection.REVOKED])
def test_it_does_not_blame_the_clock_when_the_bank_lets_nobody_in(
    as_alice: Client, alice: User, imported_item: Item, connection: str
) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=imported_item.pk).update(connection=connection)
    page = page_text(as_alice.post(reverse("refresh", args=[imported_item.pk]), follow=True))
    assert "This connection can't sync right now." in page
    assert "in the last 5 minutes" not in page
    assert triggers(imported_item) == []


def test_it_asks_nothing_for_somebody_else(as_mallory: Client, imported_item: Item) -> None:
    assert as_mallory.post(reverse("refresh", args=[imported_item.pk])).status_code == 404
    assert as_mallory.post(reverse("refresh_all")).status_code == 302
    assert triggers(imported_item) == []


def test_it_keeps_the_wish_when_the_queue_is_away(as_alice: Client, imported_item: Item, queue_down: None) -> None:
    assert as_alice.post(reverse("refresh", args=[imported_item.pk])).status_code == 302
    assert as_alice.post(reverse("refresh_all")).status_code == 302
    assert update_item(imported_item).sync_requested_at is not None


# --- Disconnecting ----------------------------------------------------------------------------------------


def pending_removals(user: User) -> list[PendingRemoval]:
    with tenant(user.pk):
        return list(PendingRemoval.objects.for_user(user))


def count_history(user: User) -> tuple[int, int]:
    with tenant(user.pk):
        return Account.objects.for_user(user).count(), Transaction.objects.for_user(user).count()


def test_it_says_what_goes_before_anything_goes(as_alice: Client, alice: User, imported_item: Item) -> None:
    page = page_text(as_alice.get(reverse("disconnect", args=[imported_item.pk])))
    assert "Disconnect Platypus & Sons?" in page
    assert "1 account · 2 transactions" in page
    assert (update_item(imported_item).connection, pending_removals(alice)) == (Connection.ACTIVE, [])


@pytest.mark.parametrize(("choice", "stays"), [("keep", (1, 2)), ("delete", (0, 0))])
def test_it_lets_the_bank_go_and_the_history_as_the_person_chose(
    as_alice: Client, alice: User, imported_item: Item, choice: str, stays: tuple[int, int]
) -> None:
    gone = as_alice.post(reverse("disconnect", args=[imported_item.pk]), {"history": choice}, follow=True)
    assert gone.redirect_chain == [(reverse("accounts"), 302)]
    page = page_text(gone).split("</nav>")[-1]
    assert "Platypus & Sons is disconnected. We no longer sync it." in page
    assert page.count("Platypus") == 1
    (removal,) = pending_removals(alice)
    assert [job.task for job in queued_jobs(removal.pk)] == ["remove_at_provider"]
    assert (update_item(imported_item).connection, count_history(alice)) == (Connection.REMOVING, stays)


@pytest.mark.parametrize("answer", [{}, {"history": ""}, {"history": "burn"}, {"history": "keep\0"}, {"other": "keep"}])
def test_it_lets_nothing_go_without_a_clear_answer(
    as_alice: Client, alice: User, imported_item: Item, answer: dict[str, str]
) -> None:
    page = as_alice.post(reverse("disconnect", args=[imported_item.pk]), answer)
    assert page.status_code == (422 if answer else 200)
    assert (update_item(imported_item).connection, pending_removals(alice), count_history(alice)) == (
        Connection.ACTIVE,
        [],
        (1, 2),
    )


def test_it_lets_a_bank_go_once(as_alice: Client, alice: User, imported_item: Item) -> None:
    address = reverse("disconnect", args=[imported_item.pk])
    for _ in range(2):
        assert as_alice.post(address, {"history": "keep"}).status_code == 302
    assert len(pending_removals(alice)) == 1
    assert as_alice.get(address).status_code == 404


def test_it_lets_nothing_of_somebody_else_go(as_mallory: Client, alice: User, imported_item: Item) -> None:
    address = reverse("disconnect", args=[imported_item.pk])
    answers = [as_mallory.get(address), as_mallory.post(address), as_mallory.post(address, {"history": "delete"})]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert (update_item(imported_item).connection, count_history(alice)) == (Connection.ACTIVE, (1, 2))


def test_it_owes_the_removal_even_when_the_queue_is_away(
    as_alice: Client, alice: User, imported_item: Item, queue_down: None
) -> None:
    assert as_alice.post(reverse("disconnect", args=[imported_item.pk]), {"history": "keep"}).status_code == 302
    assert len(pending_removals(alice)) == 1


def test_it_keeps_the_kept_transactions_in_the_list(as_alice: Client, imported_item: Item) -> None:
    as_alice.post(reverse("disconnect", args=[imported_item.pk]), {"history": "keep"})
    assert "2 transactions" in page_text(as_alice.get(reverse("transactions")))


@pytest.mark.parametrize("name", ["refresh", "refresh_all"])
def test_it_changes_nothing_by_a_link(as_alice: Client, imported_item: Item, name: str) -> None:
    address = reverse(name, args=[] if name == "refresh_all" else [imported_item.pk])
    assert as_alice.get(address).status_code == 405
    assert triggers(imported_item) == []


# --- Reauthentication -------------------------------------------------------------------------------------


def test_it_asks_who_is_there_before_it_lets_a_bank_go(alice: User, imported_item: Item) -> None:
    alice.set_password("correct horse battery staple")
    alice.save()
    stale = Client()
    stale.force_login(alice)
    place = reverse("disconnect", args=[imported_item.pk])
    for answer in (stale.get(place), stale.post(place, {"history": "delete"})):
        assert answer.url == f"{reverse('account_reauthenticate')}?next={quote(place, safe='')}"
    with tenant(alice.pk):
        imported_item.refresh_from_db()
        assert imported_item.connection == Connection.ACTIVE
