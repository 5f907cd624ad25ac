"""Where the category, the merchant's name and the hidden flag of a transaction come from, in words."""

from typing import NamedTuple
from uuid import UUID

from django.utils.translation import gettext as _

from banking.models import CategoryRule, Transaction


class Provenance(NamedTuple):
    """Who set each of the three; a sentence for each."""

    category: str
    merchant: str
    hidden: str


def get_provenance(row: Transaction) -> Provenance:
    """Say who set what on a transaction; one query if a rule did."""
    ids = [rule_id for rule_id in (row.category_rule, row.merchant_rule, row.hidden_rule) if rule_id]
    rules = CategoryRule.objects.filter(owner=row.owner_id).select_related("account").in_bulk(ids) if ids else {}
    from_bank = _("From your bank")
    return Provenance(
        category=say_source(row.category_source, row.category_rule, rules, nobody=from_bank, is_set=row.user_category),
        merchant=say_source(row.merchant_source, row.merchant_rule, rules, nobody=from_bank, is_set=row.user_merchant),
        hidden=say_source(row.hidden_source, row.hidden_rule, rules, nobody="", is_set=row.hidden),
    )


def say_source(
    source: str, rule_id: UUID | None, rules: dict[UUID, CategoryRule], *, nobody: str, is_set: str | bool
) -> str:
    """Say who set a value; ``nobody`` if nobody did."""
    if source == Transaction.Source.RULE:
        rule = rules.get(rule_id) if rule_id else None
        return _("Set by the rule “%(rule)s”") % {"rule": rule.label} if rule else _("Set by a rule that you deleted")
    return _("Set by you") if source or is_set else nobody
