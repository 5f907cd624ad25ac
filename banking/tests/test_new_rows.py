"""Rules and a person's words on the rows that syncs store: new, pending and then posted, and of a new connection."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from banking.categorization import rule_runs, rules
from banking.categorization.editing import TransactionEdit, edit_transaction
from banking.categorization.rules import RuleValues
from banking.linking.disconnecting import disconnect_bank
from banking.models import CategoryRule, Item, RuleChange, Tag, Transaction, TransactionTag
from banking.retention.purging import purge_transactions
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, run_sync
from compliance.isolation import tenant

# A sync commits, so that its temporary tables are gone before the next one.
pytestmark = pytest.mark.django_db(transaction=True)

COFFEE = RuleValues(merchant="starbucks", category="TRAVEL", rename="Coffee", tags=("daily",), hides=True)


def edit(user: User, row: Transaction, **changes: Any) -> None:
    values = {"category": row.user_category, "merchant": row.user_merchant, "note": row.note, "hidden": row.hidden}
    edit_transaction(user=user, transaction_id=row.pk, edit=TransactionEdit(**{"tags": ()} | values | changes))


def list_tags(row: Transaction) -> list[str]:
    with tenant(row.owner_id):
        on_row = TransactionTag.objects.filter(transaction=row.pk, is_removed=False).order_by("tag__name")
        return list(on_row.values_list("tag__name", flat=True))


def sync(item: Item, provider: ScriptedProvider, *rows: Any, cursor: str, **page: Any) -> None:
    provider.pages = [transactions_page(added=rows, cursor=cursor, **page)]
    run_sync(item)


def test_it_applies_rules_to_new_rows_alone(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    sync(item, provider, transaction_row("before"), cursor="c1")
    rule = rules.create_rule(user=alice, values=COFFEE)
    off = rules.create_rule(user=alice, values=RuleValues(merchant="starbucks", category="MEDICAL"))
    rules.switch_rule(user=alice, rule_id=off.pk, is_enabled=False)
    sync(item, provider, transaction_row("new"), transaction_row("other", merchant_name="Kiosk"), cursor="c2")
    rows = stored_transactions()
    new = rows["new"]
    assert (new.user_category, new.category_rule, new.label, new.hidden) == ("TRAVEL", rule.pk, "Coffee", True)
    assert (new.category, new.merchant_name, list_tags(new)) == ("FOOD_AND_DRINK", "Starbucks", ["daily"])
    for name in ("before", "other"):
        assert (rows[name].user_category, rows[name].hidden, list_tags(rows[name])) == ("", False, [])
    edit(alice, new, category="", merchant="", hidden=False)
    provider.pages = [transactions_page(modified=[transaction_row("new", "-5")], cursor="c3")]
    run_sync(item)
    again = stored_transactions()["new"]
    assert (again.amount, again.user_category, again.hidden, list_tags(again)) == (Decimal(-5), "", False, [])


def test_a_posted_row_gets_what_the_person_and_rules_set_on_the_pending_one(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    rules.create_rule(user=alice, values=COFFEE)
    sync(item, provider, transaction_row("p", pending=True), transaction_row("q", pending=True), cursor="c1")
    edit(alice, stored_transactions()["p"], category="", tags=("mine",), hidden=False)
    posted = [transaction_row("p2", pending_id="p"), transaction_row("q2", pending_id="q", merchant_name="Other")]
    sync(item, provider, *posted, cursor="c2")
    rows = stored_transactions()
    # The rule still matches the first one: it leaves alone what the person set, and the tag that they removed.
    assert (rows["p2"].user_category, rows["p2"].category_source, rows["p2"].hidden) == ("", "person", False)
    assert (rows["p2"].label, list_tags(rows["p2"])) == ("Coffee", ["mine"])
    assert (rows["q2"].user_category, rows["q2"].category_source, list_tags(rows["q2"])) == (
        "TRAVEL",
        "rule",
        ["daily"],
    )
    edit(alice, rows["p2"], tags=())
    provider.pages = [transactions_page(modified=[transaction_row("p2", "-9", pending_id="p")], cursor="c3")]
    run_sync(item)
    assert list_tags(stored_transactions()["p2"]) == []


def test_what_is_about_a_deleted_transaction_goes_with_it(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    day = timezone.localdate()
    sync(item, provider, transaction_row("old"), transaction_row("new", date=day, authorized_date=day), cursor="c1")
    rule_runs.apply_rule(user=alice, rule_id=rules.create_rule(user=alice, values=COFFEE).pk)
    purge_transactions(owner_id=alice.pk, before=day, limit=10)
    with tenant(alice.pk):
        kept = {row.pk for row in Transaction.objects.all()}
        assert set(TransactionTag.objects.values_list("transaction", flat=True)) == kept
        assert set(RuleChange.objects.values_list("transaction", flat=True)) == kept
    disconnect_bank(user=alice, item_id=item.pk, keep_history=False)
    with tenant(alice.pk):
        assert (TransactionTag.objects.count(), RuleChange.objects.count()) == (0, 0)
        assert Tag.objects.get().name == "daily"


# --- Any sequence -----------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sync"), st.integers(1, 5)),
        st.tuples(st.just("run"), st.sampled_from("AB")),
        st.tuples(st.just("undo"), st.sampled_from("AB")),
        st.tuples(st.just("person"), st.sampled_from(["", "OWN"])),
    ),
    max_size=6,
)


class CategoryModel:
    """What the category of one transaction is after each step: the person's, or that of the last run, or none."""

    def __init__(self) -> None:
        self.person: str | None = None
        self.runs: list[str] = []

    def find_category(self) -> tuple[str, str]:
        if self.person is not None:
            return self.person, "person"
        return (self.runs[-1], "rule") if self.runs else ("", "")


@given(steps=STEPS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_person_comes_before_rules_and_rules_before_the_bank(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, steps: list[Any]
) -> None:
    with tenant(alice.pk):
        Transaction.objects.all().delete()
        CategoryRule.objects.all().delete()
        Item.objects.filter(pk=item.pk).update(cursor="")
    sync(item, provider, transaction_row("a"), cursor="start")
    # B has precedence over A, so A is moved before it is run: each run then takes effect.
    ids = {
        name: rules.create_rule(user=alice, values=RuleValues(merchant="starbucks", category=name)).pk for name in "AB"
    }
    model, runs = CategoryModel(), []
    for number, (step, value) in enumerate(steps):
        row = stored_transactions()["a"]
        if step == "sync":
            changed = transaction_row("a", f"-{value}", category=f"BANK_{number}")
            provider.pages = [transactions_page(modified=[changed], cursor=f"c{number}")]
            run_sync(item)
        elif step == "person":
            if (row.user_category, row.category_source) != (value, "person"):
                edit(alice, row, category=value)
            if row.user_category != value or row.category_source == "person":
                model.person = value
        elif step == "run":
            rules.move_rule(user=alice, rule_id=ids[value], places=-2)
            run = rule_runs.apply_rule(user=alice, rule_id=ids[value])
            changes = model.person is None and model.find_category() != (value, "rule")
            assert run.changed == changes
            if changes:
                runs.append(run)
                model.runs.append(value)
        elif runs:
            rule_runs.undo_run(user=alice, run_id=runs.pop().pk)
            model.runs.pop()
        row = stored_transactions()["a"]
        assert (row.user_category, row.category_source) == model.find_category()
        assert row.category.startswith("BANK_") or row.category == "FOOD_AND_DRINK"
