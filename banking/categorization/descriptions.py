"""Rules in words."""

from typing import NamedTuple

from django.utils.translation import gettext as _

from banking.models import CategoryRule
from banking.transactions.categories import get_category
from formats.money import trim_zeros


class RuleDescription(NamedTuple):
    """A rule with sentences about what it looks for, and what it sets."""

    rule: CategoryRule
    conditions: list[str]
    effects: list[str]


def describe_rule(rule: CategoryRule) -> RuleDescription:
    """Say what a rule does; its tags and its account are read with it."""
    return RuleDescription(rule, list_conditions(rule), list_effects(rule))


def list_conditions(rule: CategoryRule) -> list[str]:
    """Say what a rule looks for, a sentence for each condition."""
    sentences = [
        (rule.merchant, _("Merchant: %(value)s")),
        (rule.name_part, _("Name contains: %(value)s")),
        (rule.get_direction_display(), _("Direction: %(value)s")),
        ("" if rule.min_amount is None else f"{trim_zeros(rule.min_amount):f}", _("Amount at least: %(value)s")),
        ("" if rule.max_amount is None else f"{trim_zeros(rule.max_amount):f}", _("Amount at most: %(value)s")),
        (str(rule.account or ""), _("Account: %(value)s")),
    ]
    return [sentence % {"value": value} for value, sentence in sentences if value]


def list_effects(rule: CategoryRule) -> list[str]:
    """Say what a rule sets, a sentence for each effect."""
    names = ", ".join(sorted(rule_tag.tag.name for rule_tag in rule.rule_tags.all()))
    sentences = [
        (str(get_category(rule.category).label) if rule.category else "", _("Category: %(value)s")),
        (rule.rename, _("Name: %(value)s")),
        (names, _("Tags: %(value)s")),
    ]
    return [sentence % {"value": value} for value, sentence in sentences if value] + (
        [_("Hidden")] if rule.hides else []
    )
