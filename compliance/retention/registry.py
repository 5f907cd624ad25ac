"""The registry of retention rules, filled by each app when it is ready."""

from typing import Final

from django.core.exceptions import ImproperlyConfigured

from compliance.retention.rules import FixedRule, RetentionRule

_rules: Final[dict[str, RetentionRule]] = {}
_fixed: Final[list[FixedRule]] = []


def register_rule(rule: RetentionRule) -> None:
    """Add a rule. Raises ``ImproperlyConfigured`` for a second rule of the same kind of data."""
    if rule.data_type in _rules:
        raise ImproperlyConfigured(f"Two retention rules are about {rule.data_type!r}.")
    for days in (rule.initial_days, rule.preselected_days):
        if not rule.allows(days):
            raise ImproperlyConfigured(f"{rule.data_type!r} cannot be kept for {days} days.")
    _rules[rule.data_type] = rule


def register_fixed_rule(*rules: FixedRule) -> None:
    """Add rules that nobody can change."""
    _fixed.extend(rules)


def get_rule(data_type: str) -> RetentionRule:
    """Return the rule of a kind of data. Raises ``KeyError``."""
    return _rules[data_type]


def list_rules() -> list[RetentionRule]:
    """List the rules in the order in which the apps registered them."""
    return list(_rules.values())


def list_fixed_rules() -> list[FixedRule]:
    """List the rules that nobody can change."""
    return list(_fixed)
