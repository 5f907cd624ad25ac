"""How long data is kept: rules that the apps register, and each person's settings.

A rule says which kind of data it is, which periods a person can choose, and how rows are counted and deleted. Nothing
is deleted by a rule before its person was told seven days ahead; see ``docs/retention.md``.
"""

from compliance.retention.registry import get_rule, list_fixed_rules, list_rules, register_fixed_rule, register_rule
from compliance.retention.rules import (
    FixedRule,
    OwnerIsBusy,
    PurgeGroup,
    PurgePreview,
    RetentionChoice,
    RetentionRule,
)

__all__ = [
    "FixedRule",
    "OwnerIsBusy",
    "PurgeGroup",
    "PurgePreview",
    "RetentionChoice",
    "RetentionRule",
    "get_rule",
    "list_fixed_rules",
    "list_rules",
    "register_fixed_rule",
    "register_rule",
]
