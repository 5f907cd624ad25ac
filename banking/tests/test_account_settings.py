"""What people set on one account: its name, and whether it is in lists and totals."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, User
from banking import connections
from banking.account_settings import editing
from banking.account_settings.editing import AccountEdit, edit_account
from banking.account_settings.removing import remove_account
from banking.categorization import rules
from banking.categorization.rules import RuleValues
from banking.models import Account, Item, SyncRun
from banking.sync import notifications
from banking.tests.factories import make_account, make_transaction, mark_synced
from banking.transactions.transfers import update_transfers
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from ui.tests.page_text import page_text, strip_tags

pytestmark = pytest.mark.django_db

COUNTED, LISTED, HIDDEN = Account.Inclusion.COUNTED, Account.Inclusion.LISTED, Account.Inclusion.HIDDEN


@pytest.fixture
def account(item: Item) -> Account:
    mark_synced(item)
    return make_account(item, name="Plat Checking", official_name="Platypus Everyday Checking", current=Decimal(100))


@pytest.fixture
def other(account: Account) -> Account:
    """A second account at the same bank."""
    return make_account(account.item, name="Savings", mask="1111", current=Decimal(7))


def reload_account(account: Account) -> Account:
    with tenant(account.owner_id):
        account.refresh_from_db()
    return account


def set_on(account: Account, *, user_name: str = "", inclusion: Account.Inclusion = COUNTED) -> list[str]:
    user = User(pk=account.owner_id)
    return edit_account(user=user, account_id=account.pk, edit=AccountEdit(user_name=user_name, inclusion=inclusion))


def post(client: Client, account: Account, **fields: str) -> Any:
    return client.post(reverse("edit_account", args=[account.pk]), {"inclusion": "counted"} | fields, follow=True)


# --- The name ---------------------------------------------------------------------------------------------


def test_it_uses_the_persons_name_wherever_the_account_is_named(
    as_alice: Client, alice: User, account: Account, other: Account
) -> None:
    day = timezone.localdate()
    row = make_transaction(account, "-20", day=day, category="TRANSFER_OUT")
    make_transaction(other, "20", day=day, category="TRANSFER_IN")
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
    page = page_text(post(as_alice, account, name="  Rent   money "))
    assert "Changes saved" in page
    assert "Rent money" in page
    assert "Name at your bank Plat Checking" in strip_tags(page)
    assert "Platypus Everyday Checking" in page
    pages = [("accounts", []), ("transactions", []), ("overview", []), ("transfer", [row.pk]), ("create_rule", [])]
    for name, arguments in pages:
        text = page_text(as_alice.get(reverse(name, args=arguments)))
        assert "Rent money" in text, name
        assert "Plat Checking" not in text, name
    assert "Transfer from Rent money ••0000" in page_text(as_alice.get(reverse("transactions")))
    assert "Rent money ••0000" in page_text(as_alice.get(reverse("activity")))


def test_it_names_the_account_in_an_alert_and_in_the_csv_file_as_the_person_does(
    alice: User, account: Account, as_alice: Client, with_second_factor: Callable[..., Client]
) -> None:
    set_on(account, user_name="Rent money")
    with tenant(alice.pk):
        run = SyncRun.objects.create(owner=alice, item=account.item, trigger="test")
    make_transaction(account, "-900")
    assert notifications.notify_large_transactions(owner_id=alice.pk, item_id=account.item_id, run_id=run.pk)
    with tenant(alice.pk):
        assert "Rent money ••0000" in str(Notification.objects.get().message.describe())
    file = b"".join(with_second_factor(as_alice, alice).get(reverse("transactions-csv")).streaming_content).decode()
    assert "Rent money ••0000" in file
    assert "Plat Checking" not in file


def test_it_orders_accounts_by_the_persons_names(account: Account, other: Account) -> None:
    set_on(account, user_name="Zebra")
    with tenant(account.owner_id):
        item = Item.objects.get(pk=account.item_id)
        [listed] = connections.list_connections(User(pk=account.owner_id))
        for bank in (item, listed):
            assert [row.pk for row in bank.open_accounts] == [other.pk, account.pk]


def test_an_empty_name_is_the_banks(as_alice: Client, account: Account) -> None:
    post(as_alice, account, name="Rent money")
    post(as_alice, account, name=" ")
    assert str(reload_account(account)) == "Plat Checking ••0000"


@pytest.mark.parametrize("fields", [{"name": "x" * 61}, {"name": "a\0b"}, {"inclusion": "gone"}, {"inclusion": ""}])
def test_it_rejects_what_cannot_be_stored(as_alice: Client, account: Account, fields: dict[str, str]) -> None:
    response = as_alice.post(reverse("edit_account", args=[account.pk]), {"inclusion": "hidden", "name": "a"} | fields)
    assert response.status_code == 422
    assert "There's a problem" in page_text(response)
    account = reload_account(account)
    assert (account.user_name, account.inclusion) == ("", COUNTED)


def test_it_stores_the_longest_name(as_alice: Client, account: Account) -> None:
    post(as_alice, account, name="ñ" * 60)
    assert reload_account(account).user_name == "ñ" * 60


def test_it_escapes_a_name_in_pages(as_alice: Client, account: Account) -> None:
    response = post(as_alice, account, name="<script>alert(1)</script>")
    assert "<script>alert(1)" not in response.content.decode()


# --- Who may, and what is recorded ------------------------------------------------------------------------


def test_another_user_gets_404(as_mallory: Client, account: Account) -> None:
    url = reverse("edit_account", args=[account.pk])
    assert as_mallory.get(url).status_code == 404
    assert as_mallory.post(url, {"name": "Mine", "inclusion": "hidden"}).status_code == 404
    assert reload_account(account).user_name == ""


def test_it_records_what_changed_and_no_name(alice: User, account: Account) -> None:
    assert set_on(account, user_name="Secret stash", inclusion=HIDDEN) == ["user_name", "inclusion"]
    assert set_on(account, user_name="Secret stash", inclusion=HIDDEN) == []
    with tenant(alice.pk):
        event = AuditEvent.objects.get(action="account_edited")
    assert (event.resource, event.resource_id) == ("account", str(account.pk))
    assert "Secret" not in str(event.details())
    assert event.details()["changed"] == ["user_name", "inclusion"]


def test_it_leads_from_a_former_account_to_the_one_that_represents_it(
    as_alice: Client, account: Account, other: Account
) -> None:
    with tenant(account.owner_id):
        Account.objects.filter(pk=other.pk).update(successor=account)
    response = as_alice.get(reverse("edit_account", args=[other.pk]))
    assert response.url == reverse("edit_account", args=[account.pk])
    post(as_alice, account, name="Both", inclusion="listed")
    assert (reload_account(other).user_name, other.inclusion) == ("Both", LISTED)


def test_it_stores_what_was_sent_from_the_page_of_an_account_that_is_represented_by_another_meanwhile(
    as_alice: Client, account: Account, other: Account
) -> None:
    with tenant(account.owner_id):
        Account.objects.filter(pk=other.pk).update(successor=account)
    response = post(as_alice, other, name="Both", inclusion="listed")
    assert response.redirect_chain == [(reverse("account", args=[account.pk]), 302)]
    for each in (account, other):
        assert (reload_account(each).user_name, each.inclusion) == ("Both", LISTED)


def test_it_responds_with_404_if_the_account_is_deleted_while_the_edit_waits(
    as_alice: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing.locks, "lock_accounts", lambda owner_id: Account.objects.all().delete())
    response = as_alice.post(reverse("edit_account", args=[account.pk]), {"inclusion": "counted", "name": "Late"})
    assert response.status_code == 404


# --- Hidden accounts --------------------------------------------------------------------------------------


def test_a_hidden_account_is_in_no_list_and_still_found(as_alice: Client, account: Account, other: Account) -> None:
    make_transaction(account, "-5", name="SECRET SHOP")
    make_transaction(other, "-6", name="OPEN SHOP")
    set_on(account, inclusion=HIDDEN)
    listed = page_text(as_alice.get(reverse("transactions")))
    assert "OPEN SHOP" in listed
    assert "SECRET SHOP" not in listed
    assert "Plat Checking" not in listed
    overview = page_text(as_alice.get(reverse("overview")))
    assert "SECRET SHOP" not in overview
    assert "Plat Checking" not in overview
    accounts = as_alice.get(reverse("accounts")).content.decode()
    shown, hidden = accounts.split("<details>", 1)
    assert "Plat Checking" not in shown
    assert "1 hidden account" in hidden
    assert reverse("account", args=[account.pk]) in hidden
    own_list = page_text(as_alice.get(f"{reverse('transactions')}?account={account.pk}"))
    assert "SECRET SHOP" in own_list
    assert "OPEN SHOP" not in own_list
    page = page_text(as_alice.get(reverse("account", args=[account.pk])))
    assert "SECRET SHOP" in page
    assert "Hidden" in page


def test_it_alerts_to_nothing_on_a_hidden_account(alice: User, account: Account) -> None:
    set_on(account, inclusion=HIDDEN)
    with tenant(alice.pk):
        run = SyncRun.objects.create(owner=alice, item=account.item, trigger="test")
    make_transaction(account, "-900")
    assert not notifications.notify_large_transactions(owner_id=alice.pk, item_id=account.item_id, run_id=run.pk)
    set_on(account, inclusion=LISTED)
    assert notifications.notify_large_transactions(owner_id=alice.pk, item_id=account.item_id, run_id=run.pk)


def test_a_rule_keeps_its_hidden_account(as_alice: Client, account: Account) -> None:
    set_on(account, inclusion=HIDDEN)
    with tenant(account.owner_id):
        values = RuleValues(account=account, category="TRAVEL")
        rule = rules.create_rule(user=User(pk=account.owner_id), values=values)
    assert "Plat Checking" in page_text(as_alice.get(reverse("change_rule", args=[rule.pk])))
    assert "Plat Checking" not in page_text(as_alice.get(reverse("create_rule")))


def test_a_rule_keeps_its_removed_account_and_follows_a_former_one(
    as_alice: Client, account: Account, other: Account
) -> None:
    owner = User(pk=account.owner_id)
    remove_account(user=owner, account_id=other.pk, keep_history=False)
    former = make_account(account.item, name="Old", successor=account)
    with tenant(owner.pk):
        of_former = rules.create_rule(user=owner, values=RuleValues(account=former, category="TRAVEL"))
        of_removed = rules.create_rule(user=owner, values=RuleValues(account=other, category="TRAVEL"))
    for kept, chosen in ((of_former, account), (of_removed, other)):
        page = as_alice.get(reverse("change_rule", args=[kept.pk])).content.decode()
        assert f'<option value="{chosen.pk}" selected>' in page
    assert "Savings" not in page_text(as_alice.get(reverse("create_rule")))


# --- Accounts that do not count ---------------------------------------------------------------------------


def test_an_account_outside_totals_is_listed_and_counts_in_no_total(
    as_alice: Client, alice: User, account: Account, other: Account, with_second_factor: Callable[..., Client]
) -> None:
    make_transaction(account, "-5", name="LISTED SHOP", category="TRAVEL")
    make_transaction(other, "-6", name="COUNTED SHOP", category="TRAVEL")
    set_on(account, inclusion=LISTED)
    page = page_text(as_alice.get(reverse("transactions")))
    assert "LISTED SHOP" in page
    assert "Money out $6.00" in strip_tags(page)
    assert "Not in totals" in page_text(as_alice.get(reverse("accounts")))
    assert "$6.00" in page_text(as_alice.get(reverse("monthly_totals")))
    assert "$11.00" not in page_text(as_alice.get(reverse("monthly_totals")))
    file = b"".join(with_second_factor(as_alice, alice).get(reverse("transactions-csv")).streaming_content).decode()
    head, *lines = file.split("\r\n")
    column = head.split(",").index("In totals")
    assert {line.split(",")[2]: line.split(",")[column] for line in lines if line} == {
        "LISTED SHOP": "no",
        "COUNTED SHOP": "yes",
    }


def test_a_transfer_to_an_account_outside_totals_stays_a_transfer(
    as_alice: Client, alice: User, account: Account, other: Account
) -> None:
    make_transaction(account, "-50", category="", day=date(2026, 11, 2))
    make_transaction(other, "50", category="", day=date(2026, 11, 3))
    with tenant(alice.pk):
        update_transfers(owner_id=alice.pk)
    for inclusion in (LISTED, HIDDEN):
        set_on(other, inclusion=inclusion)
        page = page_text(as_alice.get(reverse("transactions")))
        assert "Transfer to Savings ••1111" in page
        assert "Money out $0.00" in strip_tags(page)
    assert "$50" not in page_text(as_alice.get(reverse("monthly_totals")))
