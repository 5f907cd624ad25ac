from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Connection, Item
from banking.provider import Readiness
from banking.tests.factories import make_account, make_balance, make_transaction, update_item
from compliance.isolation import tenant
from insights.tests.factories import make_check
from ui.tests.page_text import page_text, visible_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def checking(item: Item) -> Account:
    """Alice's account with balances of three days."""
    update_item(item, institution_name="Platypus & Sons", readiness=Readiness.HISTORICAL, checked_at=timezone.now())
    account = make_account(item, name="Everyday", official_name="Everyday Plus", current=Decimal("1200.50"))
    for days, balance in ((2, "1000"), (1, "1100"), (0, "1200.50")):
        make_balance(account, days, balance)
    make_transaction(account, "-4.33", merchant_name="Café", category="FOOD_AND_DRINK")
    return account


# --- The overview -----------------------------------------------------------------------------------------


def test_it_shows_the_users_figures(as_alice: Client, item: Item, checking: Account) -> None:
    make_account(item, type="credit", name="Card", mask="3333", current=Decimal(410), limit=Decimal(2000))
    page = page_text(as_alice.get(reverse("overview")))
    for expected in ("$1,200.50", "$410.00", "$2,000.00", "21%", "$4.33", "−$4.33", "Café", "Platypus & Sons"):
        assert expected in page
    assert "None" not in page


def test_it_shows_nothing_of_another_user(as_mallory: Client, checking: Account) -> None:
    page = page_text(as_mallory.get(reverse("overview")))
    assert "Get started" in page
    for text in ("Platypus", "1,200.50", "Café"):
        assert text not in page


@pytest.mark.parametrize(
    "query", ["range=1M", "range=1Y", "range=", "range=%00", "range=%ED%A0%80", "range=99999999999"]
)
def test_it_draws_the_requested_or_the_default_range(as_alice: Client, checking: Account, query: str) -> None:
    for url in (reverse("overview"), reverse("account", args=[checking.pk])):
        page = as_alice.get(f"{url}?{query}")
        assert page.status_code == 200
        assert [span.label for span in page.context["history"].ranges if span.current] == [
            query.removeprefix("range=") if query in ("range=1M", "range=1Y") else "3M"
        ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"connection": Connection.LOGIN_REQUIRED}, "Platypus & Sons needs you to sign in."),
        ({"failures": 1, "fault": "bank"}, "We couldn't update Platypus & Sons because the bank isn't responding."),
        ({"failures": 1, "fault": "provider"}, "We couldn't update Platypus & Sons."),
        ({"failures": 1, "fault": "ours"}, "We couldn't update Platypus & Sons because of a problem on our end."),
        ({"failures": 1}, "We couldn't update Platypus & Sons."),
        ({"checked_at": timedelta(days=-2)}, "hasn't synced for more than 24 hours"),
        ({"readiness": Readiness.INITIAL}, "Importing"),
        ({"connection": Connection.REVOKED}, "Access ended"),
    ],
)
def test_it_shows_the_state_of_a_connection(
    as_alice: Client, item: Item, checking: Account, fields: dict[str, object], expected: str
) -> None:
    if "checked_at" in fields:
        fields = {"checked_at": timezone.now() + fields["checked_at"]}
    update_item(item, **fields)
    page = as_alice.get(reverse("overview"))
    assert page.status_code == 200
    assert expected in page_text(page)


def test_it_shows_a_page_without_known_figures(as_alice: Client, item: Item) -> None:
    make_account(item, name="Silent", mask="", currency="", subtype="")
    make_account(item, name="Card", type="credit", currency="")
    page = as_alice.get(reverse("overview"))
    assert page.status_code == 200
    assert "None" not in page_text(page)


def test_it_shows_net_refunds(as_alice: Client, checking: Account) -> None:
    make_transaction(checking, "402.93", category="GENERAL_MERCHANDISE")
    page = visible_text(as_alice.get(reverse("overview")))
    assert "Net refunds $398.60 Refunds were higher than spending" in page
    assert "$398.60 net refunds" in page
    assert "Runway Not available Refunds were higher than spending" in page
    assert "$4.33 spent, minus $402.93 refunded in other categories." in page
    assert "Shopping $402.93 refunded" in page
    for wrong_text in ("−$398.60", "−$402.93", "Break-even", " 0%"):
        assert wrong_text not in page


def test_it_shows_reversed_income(as_alice: Client, checking: Account) -> None:
    make_transaction(checking, "-500", category="INCOME")
    assert "Income reversed $500.00 Reversals were higher than income" in visible_text(
        as_alice.get(reverse("overview"))
    )


def test_it_shows_balances_and_limits_of_cards(as_alice: Client, item: Item) -> None:
    for number, (current, limit) in enumerate(
        [("10727.48", "27000"), ("11922.40", None), ("-250.13", "1000"), (None, "1")]
    ):
        money = {"current": current and Decimal(current), "limit": limit and Decimal(limit)}
        make_account(item, type="credit", name=f"Card {number}", mask="", **money)
    page = visible_text(as_alice.get(reverse("overview")))
    for text in (
        "$10,727.48 of $28,000.00 credit limit",
        "$11,922.40 owed on 1 card without a credit limit",
        "$250.13 owed to you on 1 overpaid card",
        "Balance not available for 1 card",
        "$11,922.40, credit limit not available",
        "$250.13 owed to you, credit limit $1,000.00",
        "Balance not available, credit limit $1.00",
    ):
        assert text in page
    for wrong_text in ("Not available of", "$22,", "−$250.13"):
        assert wrong_text not in page


@pytest.mark.parametrize(
    ("current", "text", "wrong_text"),
    [
        ("-250.13", "$250.13 owed to you", "−$250.13"),
        (None, "Not available", "Not available owed"),
        ("5", "$5.00 owed", "to you"),
    ],
)
@pytest.mark.parametrize("kind", ["credit", "loan"])
def test_it_shows_whether_a_balance_is_owed_on_every_page(
    as_alice: Client, item: Item, kind: str, current: str | None, text: str, wrong_text: str
) -> None:
    account = make_account(item, type=kind, current=current and Decimal(current))
    for url in (reverse("accounts"), reverse("account", args=[account.pk])):
        page = visible_text(as_alice.get(url))
        assert text in page
        assert wrong_text not in page


def test_it_shows_how_many_accounts_a_total_includes(as_alice: Client, checking: Account, item: Item) -> None:
    make_account(item, name="Savings", current=Decimal(10), available=Decimal(8))
    make_account(item, name="Silent", current=None)
    page = visible_text(as_alice.get(reverse("overview")))
    assert "$1,210.50" in page
    assert "$8.00 available on 1 of 3 accounts" in page
    assert "Balance not available for 1 of 3 accounts" in page


def test_it_shows_an_unknown_balance_as_not_available(as_alice: Client, item: Item) -> None:
    account = make_account(item, name="Silent", current=None)
    make_transaction(account, "-10", category="TRAVEL")
    page = as_alice.get(reverse("overview"))
    assert '<p class="figure">Not available</p>' in page_text(page)
    assert "Less than a month" not in visible_text(page)


# --- The sync status --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected", "polls"),
    [
        ({}, "Sync complete.", False),
        ({"sync_requested_at": timedelta(0)}, "Syncing your banks", True),
        ({"leased_until": timedelta(minutes=1)}, "Syncing your banks", True),
        ({"sync_requested_at": timedelta(minutes=-6), "checked_at": timedelta(minutes=-9)}, "Sync complete.", False),
    ],
)
def test_it_polls_only_during_a_sync(
    as_alice: Client, item: Item, checking: Account, fields: dict[str, timedelta], expected: str, polls: bool
) -> None:
    update_item(item, **{name: timezone.now() + wait for name, wait in fields.items()})
    part = page_text(as_alice.get(reverse("sync_status")))
    assert part.startswith("<section")
    assert expected in part
    assert ("hx-trigger" in part) is polls


@pytest.mark.parametrize("name", ["sync_status", "sync_progress"])
def test_it_tells_the_page_when_its_figures_are_outdated(
    as_alice: Client, item: Item, checking: Account, name: str
) -> None:
    now = timezone.now()
    update_item(item, checked_at=now, sync_requested_at=now + timedelta(seconds=1))
    version = f"{now.timestamp():.3f}"
    running = as_alice.get(reverse(name), {"seen": version})
    assert "HX-Trigger" not in running.headers
    assert f"?seen={version}" in page_text(running)
    assert as_alice.get(reverse(name), {"seen": "0"}).headers["HX-Trigger"] == '{"figures-changed": {}}'
    update_item(item, checked_at=now + timedelta(seconds=2))
    ended = as_alice.get(reverse(name), {"seen": f"{(now + timedelta(seconds=2)).timestamp():.3f}"})
    assert ended.headers["HX-Trigger"] == '{"figures-changed": {}}'
    assert "hx-get" not in page_text(ended)
    assert "Sync complete. The figures on this page are up to date with it." in page_text(ended)


@pytest.mark.parametrize("name", ["sync_status", "sync_progress"])
def test_it_does_not_call_a_sync_complete_that_failed(
    as_alice: Client, item: Item, checking: Account, name: str
) -> None:
    update_item(item, failures=1, fault="bank")
    page = page_text(as_alice.get(reverse(name)))
    assert "The sync ended, but we couldn't update Platypus & Sons." in page
    assert "Sync complete" not in page


def test_it_offers_a_sync_while_a_bank_can_sync(as_alice: Client, item: Item, checking: Account) -> None:
    assert reverse("refresh_all") in page_text(as_alice.get(reverse("overview")))
    update_item(item, connection=Connection.LOGIN_REQUIRED)
    assert reverse("refresh_all") not in page_text(as_alice.get(reverse("overview")))


def test_it_shows_no_sync_of_another_user(as_mallory: Client, checking: Account) -> None:
    assert "Platypus" not in page_text(as_mallory.get(reverse("sync_status")))


# --- One account ------------------------------------------------------------------------------------------


def test_it_shows_one_account(as_alice: Client, item: Item, checking: Account) -> None:
    other_account = make_account(item, name="Savings")
    make_transaction(other_account, "9.99", merchant_name="Interest")
    page = as_alice.get(reverse("account", args=[checking.pk]))
    for expected in ("Everyday", "Everyday Plus", "••0000", "$1,200.50", "Café", "−$4.33", "Platypus & Sons"):
        assert expected in page_text(page)
    assert "Interest" not in page_text(page)
    assert f"{reverse('transactions')}?account={checking.pk}" in page_text(page)
    assert page.context["history"].chart.facts.last.value == Decimal("1200.50")


def test_it_shows_a_closed_account_of_a_disconnected_bank(as_alice: Client, item: Item, checking: Account) -> None:
    update_item(item, connection=Connection.REMOVED)
    with tenant(item.owner_id):
        Account.objects.filter(pk=checking.pk).update(closed_at=timezone.now())
    page = as_alice.get(reverse("account", args=[checking.pk]))
    assert page.status_code == 200
    assert "Not synced since" in page_text(page)


def test_it_promises_no_chart_of_an_account_that_is_not_synced(as_alice: Client, item: Item) -> None:
    account = make_account(item, current=None)
    assert "The chart appears after 2 days of balances." in page_text(
        as_alice.get(reverse("account", args=[account.pk]))
    )
    with tenant(item.owner_id):
        Account.objects.filter(pk=account.pk).update(closed_at=timezone.now())
    page = page_text(as_alice.get(reverse("account", args=[account.pk])))
    assert "No balances are stored for this account." in page
    assert "The chart appears" not in page


def test_it_shows_no_account_of_another_user(
    as_mallory: Client, as_alice: Client, mallory: User, checking: Account, make_item: Callable[..., Item]
) -> None:
    assert as_mallory.get(reverse("account", args=[checking.pk])).status_code == 404
    mallorys_account = make_account(make_item(mallory))
    assert as_mallory.get(reverse("account", args=[mallorys_account.pk])).status_code == 200
    assert as_alice.get(reverse("account", args=[mallorys_account.pk])).status_code == 404
    assert as_alice.get(reverse("account", args=[uuid4()])).status_code == 404


def test_it_escapes_text_of_banks(as_alice: Client, item: Item) -> None:
    attack = "<script>alert(1)</script>"
    update_item(item, institution_name=attack)
    account = make_account(item, name=attack, official_name=attack, subtype=attack, mask="<b>", currency="<i>")
    make_transaction(account, "-1", merchant_name=attack, category=attack)
    for url in (reverse("overview"), reverse("account", args=[account.pk]), reverse("sync_status")):
        page = as_alice.get(url).content.decode()
        assert "<script>alert" not in page
        assert "<b>" not in page
        assert "<i>" not in page


@pytest.mark.parametrize("name", ["overview", "sync_status"])
def test_it_rejects_post_requests(as_alice: Client, name: str) -> None:
    assert as_alice.post(reverse(name)).status_code == 405


@pytest.mark.parametrize("columns", [{"closed_at": timezone.now()}, {"inclusion": Account.Inclusion.HIDDEN}])
def test_the_page_of_an_account_that_is_not_checked_shows_no_check(
    as_alice: Client, checking: Account, columns: dict[str, object]
) -> None:
    url = reverse("account", args=[checking.pk])
    with tenant(checking.owner_id):
        make_check(checking)
    assert reverse("figure_checks") in as_alice.get(url).content.decode()
    with tenant(checking.owner_id):
        Account.objects.filter(pk=checking.pk).update(**columns)
    assert reverse("figure_checks") not in as_alice.get(url).content.decode()
