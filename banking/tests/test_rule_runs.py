"""Rules: which transactions they match, what they would change and change, and what an undo restores."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from banking.categorization import rule_runs, rules
from banking.categorization.bulk_edits import BulkAction, BulkEdit, edit_transactions
from banking.categorization.editing import TransactionEdit, edit_transaction
from banking.categorization.rules import RuleValues
from banking.models import Account, CategoryRule, Item, RuleChange, RuleRun, Tag, Transaction, TransactionTag, Transfer
from banking.tests.account_removal_bank import sync_page
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import ScriptedProvider, transaction_row
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db

SHOP: dict[str, Any] = {"name": "AMZN  Mktp US*2K4", "merchant_name": "Amzn Mktp", "category": "GENERAL_MERCHANDISE"}


@pytest.fixture
def account(item: Item) -> Account:
    return make_account(item)


@pytest.fixture
def make_rule(alice: User) -> Callable[..., CategoryRule]:
    def make(**values: Any) -> CategoryRule:
        return rules.create_rule(user=alice, values=RuleValues(**values))

    return make


def reload_row(row: Transaction) -> Transaction:
    with tenant(row.owner_id):
        row.refresh_from_db()
    return row


def list_tags(row: Transaction) -> list[str]:
    with tenant(row.owner_id):
        return list(
            Tag.objects.filter(on_transactions__transaction=row.pk, on_transactions__is_removed=False)
            .order_by("name")
            .values_list("name", flat=True)
        )


def edit(user: User, row: Transaction, **changes: Any) -> None:
    values = {"category": row.user_category, "merchant": row.user_merchant, "note": row.note, "hidden": row.hidden}
    values["tags"] = tuple(list_tags(row))
    edit_transaction(user=user, transaction_id=row.pk, edit=TransactionEdit(**values | changes))


# --- Conditions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "is_matched"),
    [
        ({"merchant": " amzn   MKTP"}, True),
        ({"merchant": "amzn"}, False),
        ({"name_part": "mktp us*"}, True),
        ({"name_part": "%"}, False),
        ({"merchant": "amzn mktp", "name_part": "kindle"}, False),
        ({"name_part": "amzn", "direction": "out"}, True),
        ({"name_part": "amzn", "direction": "in"}, False),
        ({"name_part": "amzn", "min_amount": Decimal("12.34"), "max_amount": Decimal("12.34")}, True),
        ({"name_part": "amzn", "min_amount": Decimal("12.341")}, False),
        ({"name_part": "amzn", "max_amount": Decimal("12.3399")}, False),
    ],
)
def test_it_matches_by_all_conditions(
    alice: User, account: Account, make_rule: Callable[..., CategoryRule], values: dict[str, Any], is_matched: bool
) -> None:
    row = make_transaction(account, "-12.34", **SHOP)
    make_transaction(account, "-12.34", **SHOP, removed_at=timezone.now())
    rule = make_rule(**values, category="TRAVEL")
    with tenant(alice.pk):
        preview = rule_runs.preview_rule(owner_id=alice.pk, rule_id=rule.pk)
    assert (preview.count, [shown.id for shown in preview.rows]) == ((1, [row.pk]) if is_matched else (0, []))
    assert rule_runs.apply_rule(user=alice, rule_id=rule.pk).changed == is_matched
    assert reload_row(row).user_category == ("TRAVEL" if is_matched else "")


def test_it_matches_an_account_and_its_former_accounts(
    alice: User, item: Item, account: Account, make_rule: Callable[..., CategoryRule]
) -> None:
    former = make_account(item, successor=account)
    rows = [make_transaction(place, "-1") for place in (account, former, make_account(item))]
    for place, name in ((account, "Now"), (former, "Before")):
        assert rule_runs.apply_rule(user=alice, rule_id=make_rule(account=place, rename=name).pk).changed == 2
    assert [reload_row(row).label for row in rows] == ["Before", "Before", "STARBUCKS 123"]


# --- Effects and precedence -------------------------------------------------------------------------------


def test_the_first_rule_that_sets_a_column_counts(
    alice: User, account: Account, make_rule: Callable[..., CategoryRule]
) -> None:
    row = make_transaction(account, "-1", **SHOP)
    last = make_rule(name_part="amzn", category="TRAVEL", rename="Amazon", tags=("Shop", "online"))
    make_rule(merchant="amzn mktp", category="MEDICAL")
    rule_runs.apply_rule(user=alice, rule_id=last.pk)
    # The category is the other rule's, which has not been applied to stored rows yet.
    assert (reload_row(row).user_category, row.label, list_tags(row)) == ("", "Amazon", ["Shop", "online"])
    rules.move_rule(user=alice, rule_id=last.pk, places=-1)
    rule_runs.apply_rule(user=alice, rule_id=last.pk)
    assert (reload_row(row).user_category, row.category_source, row.category_rule) == ("TRAVEL", "rule", last.pk)


def test_it_changes_nothing_that_the_person_set(
    alice: User, account: Account, make_rule: Callable[..., CategoryRule]
) -> None:
    before_sources = make_transaction(account, "-1", **SHOP, user_category="MEDICAL", hidden=False)
    row = make_transaction(account, "-1", **SHOP)
    rule = make_rule(name_part="amzn", category="TRAVEL", rename="Amazon", hides=True)
    rule_runs.apply_rule(user=alice, rule_id=rule.pk)
    assert (reload_row(before_sources).user_category, before_sources.hidden) == ("MEDICAL", True)
    # The bank's own category and name, chosen by the person, count as theirs.
    edit(alice, reload_row(row), category="", merchant="", hidden=False)
    rule_runs.apply_rule(user=alice, rule_id=rule.pk)
    assert (reload_row(row).user_category, row.user_merchant, row.hidden) == ("", "", False)
    assert {row.category_source, row.merchant_source, row.hidden_source} == {"person"}


def test_it_puts_on_no_tag_that_the_person_removed(
    alice: User, account: Account, make_rule: Callable[..., CategoryRule]
) -> None:
    rows = [make_transaction(account, "-1", **SHOP) for _ in range(3)]
    rule = make_rule(name_part="amzn", category="TRAVEL", tags=("shop", "own"))
    rule_runs.apply_rule(user=alice, rule_id=rule.pk)
    edit(alice, reload_row(rows[0]), tags=("own",))
    remove = BulkEdit(action=BulkAction.REMOVE_TAG, tags=("Shop",))
    edit_transactions(user=alice, row_ids=[rows[1].pk], edit=remove)
    with tenant(alice.pk):
        assert rule_runs.preview_rule(owner_id=alice.pk, rule_id=rule.pk).count == 0
    make_transaction(account, "-1", **SHOP)
    assert rule_runs.apply_rule(user=alice, rule_id=rule.pk).changed == 1
    assert [list_tags(row) for row in rows] == [["own"], ["own"], ["own", "shop"]]
    rules.delete_rule(user=alice, rule_id=rule.pk, clears=True)
    # The person's own choice stays: they did not put this tag on.
    assert [list_tags(row) for row in rows] == [[], [], []]
    edit(alice, reload_row(rows[0]), tags=("shop",))
    assert list_tags(rows[0]) == ["shop"]


def test_transfers_follow_the_categories_of_rules(
    alice: User, item: Item, account: Account, make_rule: Callable[..., CategoryRule]
) -> None:
    make_transaction(account, "-50", name="TO SAVINGS", category="GENERAL_SERVICES")
    make_transaction(make_account(item), "50", name="FROM CHECKING", category="TRANSFER_IN")
    run = rule_runs.apply_rule(user=alice, rule_id=make_rule(name_part="to savings", category="TRANSFER_OUT").pk)
    with tenant(alice.pk):
        assert Transfer.objects.count() == 1
    rule_runs.undo_run(user=alice, run_id=run.pk)
    with tenant(alice.pk):
        assert Transfer.objects.count() == 0


# --- Preview and undo -------------------------------------------------------------------------------------


def test_a_preview_stores_nothing(alice: User, account: Account, make_rule: Callable[..., CategoryRule]) -> None:
    row = make_transaction(account, "-1", **SHOP)
    values = RuleValues(name_part="amzn", category="TRAVEL", tags=("new",))
    with tenant(alice.pk):
        preview = rule_runs.preview_values(user=alice, values=values)
        assert (preview.count, preview.rows[0].new_category, preview.rows[0].is_tagged) == (1, "TRAVEL", True)
        assert (CategoryRule.objects.count(), Tag.objects.count()) == (0, 0)
    assert reload_row(row).user_category == ""


def test_an_undo_restores_only_what_nobody_changed_since(
    alice: User, account: Account, make_rule: Callable[..., CategoryRule]
) -> None:
    rows = [make_transaction(account, "-1", **SHOP) for _ in range(3)]
    first = rule_runs.apply_rule(user=alice, rule_id=make_rule(name_part="amzn", category="MEDICAL").pk)
    run = rule_runs.apply_rule(
        user=alice, rule_id=make_rule(name_part="amzn", category="TRAVEL", rename="Amazon", tags=("a",)).pk
    )
    edit(alice, reload_row(rows[0]), category="INCOME")
    edit(alice, reload_row(rows[1]), tags=())
    edit(alice, reload_row(rows[1]), tags=("a",))
    with pytest.raises(rule_runs.LaterRun):
        rule_runs.undo_run(user=alice, run_id=first.pk)
    assert rule_runs.undo_run(user=alice, run_id=run.pk) == 3
    assert [reload_row(row).user_category for row in rows] == ["INCOME", "MEDICAL", "MEDICAL"]
    assert [(row.label, list_tags(row)) for row in rows] == [("Amzn Mktp", []), ("Amzn Mktp", ["a"]), ("Amzn Mktp", [])]
    with pytest.raises(RuleRun.DoesNotExist):
        rule_runs.undo_run(user=alice, run_id=run.pk)
    assert rule_runs.undo_run(user=alice, run_id=first.pk) == 2
    assert [(reload_row(row).user_category, row.category_source) for row in rows[1:]] == [("", "")] * 2
    with tenant(alice.pk):
        assert RuleChange.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_undo_follows_a_row_to_the_one_that_replaced_it(
    alice: User, item: Item, provider: ScriptedProvider, make_rule: Callable[..., CategoryRule]
) -> None:
    sync_page(item, provider, added=[transaction_row("pending", pending=True)])
    rule = make_rule(merchant="starbucks", category="TRAVEL", rename="Coffee", tags=("trip",))
    run = rule_runs.apply_rule(user=alice, rule_id=rule.pk)
    rules.switch_rule(user=alice, rule_id=rule.pk, is_enabled=False)
    sync_page(item, provider, added=[transaction_row("posted", pending_id="pending")], removed=["pending"])
    with tenant(alice.pk):
        posted = Transaction.objects.get(provider_id="posted")
    assert (posted.user_category, posted.label, list_tags(posted)) == ("TRAVEL", "Coffee", ["trip"])
    assert rule_runs.undo_run(user=alice, run_id=run.pk) == 1
    assert (reload_row(posted).user_category, posted.label, list_tags(posted)) == ("", "Starbucks", [])


@pytest.mark.parametrize("clears", [True, False])
def test_deleting_a_rule_keeps_or_clears_what_it_has_set(
    alice: User, account: Account, make_rule: Callable[..., CategoryRule], clears: bool
) -> None:
    row, own = make_transaction(account, "-1", **SHOP), make_transaction(account, "-1", **SHOP)
    rule = make_rule(name_part="amzn", category="TRAVEL", tags=("a",), hides=True)
    rule_runs.apply_rule(user=alice, rule_id=rule.pk)
    edit(alice, reload_row(own), category="MEDICAL")
    with tenant(alice.pk):
        assert rules.count_set_transactions(owner_id=alice.pk, rule_id=rule.pk) == 2
    rules.delete_rule(user=alice, rule_id=rule.pk, clears=clears)
    kept = ("", False, []) if clears else ("TRAVEL", True, ["a"])
    assert (reload_row(row).user_category, row.hidden, list_tags(row)) == kept
    assert reload_row(own).user_category == "MEDICAL"


def test_it_runs_no_rule_of_another_user(
    alice: User, mallory: User, account: Account, make_rule: Callable[..., CategoryRule]
) -> None:
    make_transaction(account, "-1", **SHOP)
    rule = make_rule(name_part="amzn", category="TRAVEL")
    with pytest.raises(CategoryRule.DoesNotExist):
        rule_runs.apply_rule(user=mallory, rule_id=rule.pk)
    run = rule_runs.apply_rule(user=alice, rule_id=rule.pk)
    with pytest.raises(RuleRun.DoesNotExist):
        rule_runs.undo_run(user=mallory, run_id=run.pk)
    with tenant(mallory.pk):
        assert not TransactionTag.objects.exists()
