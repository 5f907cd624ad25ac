"""Create, change, order and delete the rules of a person."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Min, QuerySet

from accounts.models import User
from banking.account_matching.locks import lock_accounts
from banking.categorization import statements, tags
from banking.models import Account, CategoryRule, RuleTag
from banking.transactions.transfers import update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant

MAX_RULES: Final = 200


class TooManyRules(Exception):
    """The person has as many rules as there may be."""


@dataclass(frozen=True, kw_only=True)
class RuleValues:
    """The conditions of a rule, and what it sets; see ``CategoryRule``."""

    merchant: str = ""
    name_part: str = ""
    direction: str = ""
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    account: Account | None = None
    category: str = ""
    rename: str = ""
    hides: bool = False
    tags: tuple[str, ...] = ()


def list_rules(*, owner_id: UUID) -> QuerySet[CategoryRule]:
    """A person's rules with their tags and accounts, in the order in which they count."""
    rules = CategoryRule.objects.filter(owner=owner_id).order_by("position", "pk")
    return rules.select_related("account").prefetch_related("rule_tags__tag")


def create_rule(*, user: User, values: RuleValues) -> CategoryRule:
    """Create a rule, which takes precedence over all others. Raises ``TooManyRules``."""
    with tenant(user.pk):
        rule = store_rule(user=user, values=values)
        record_change(user=user, rule_id=rule.pk, change="created")
        return rule


def store_rule(*, user: User, values: RuleValues) -> CategoryRule:
    """Store a new rule in the open transaction, before all others. Raises ``TooManyRules``."""
    rules = CategoryRule.objects.for_user(user)
    if rules.count() >= MAX_RULES:
        raise TooManyRules
    first = rules.aggregate(first=Min("position"))["first"]
    rule = CategoryRule(owner_id=user.pk, position=0 if first is None else first - 1)
    return save_values(rule, values)


def change_rule(*, user: User, rule_id: UUID, values: RuleValues) -> CategoryRule:
    """Change a rule. What it has set stays. Raises ``CategoryRule.DoesNotExist``."""
    with tenant(user.pk):
        rule = save_values(CategoryRule.objects.for_user(user).get(pk=rule_id), values)
        tags.delete_unused_tags(owner_id=user.pk)
        record_change(user=user, rule_id=rule.pk, change="changed")
        return rule


def save_values(rule: CategoryRule, values: RuleValues) -> CategoryRule:
    """Store what a rule looks for, and what it sets."""
    rule.merchant, rule.name_part, rule.account = values.merchant, values.name_part, values.account
    rule.direction, rule.min_amount, rule.max_amount = values.direction, values.min_amount, values.max_amount
    rule.category, rule.rename, rule.hides = values.category, values.rename, values.hides
    rule.save()
    rule.rule_tags.all().delete()
    RuleTag.objects.bulk_create(
        RuleTag(owner_id=rule.owner_id, rule=rule, tag=tag)
        for tag in tags.get_or_create_tags(owner_id=rule.owner_id, names=values.tags)
    )
    return rule


def switch_rule(*, user: User, rule_id: UUID, is_enabled: bool) -> None:
    """Turn a rule on or off; what it has set stays. Raises ``CategoryRule.DoesNotExist``."""
    with tenant(user.pk):
        if not CategoryRule.objects.for_user(user).filter(pk=rule_id).update(is_enabled=is_enabled):
            raise CategoryRule.DoesNotExist
        record_change(user=user, rule_id=rule_id, change="turned on" if is_enabled else "turned off")


def move_rule(*, user: User, rule_id: UUID, places: int) -> None:
    """Move a rule among the others: -1 is up, where it counts earlier. Raises ``CategoryRule.DoesNotExist``."""
    with tenant(user.pk):
        rules = list(CategoryRule.objects.for_user(user).select_for_update(of=["self"]).order_by("position", "pk"))
        old = next((index for index, rule in enumerate(rules) if rule.pk == rule_id), None)
        if old is None:
            raise CategoryRule.DoesNotExist
        rules.insert(max(old + places, 0), rules.pop(old))
        for position, rule in enumerate(rules):
            rule.position = position
        CategoryRule.objects.bulk_update(rules, ["position"])
        record_change(user=user, rule_id=rule_id, change="moved")


def delete_rule(*, user: User, rule_id: UUID, clears: bool) -> None:
    """Delete a rule and its runs; ``clears`` takes back what it has set. Raises ``CategoryRule.DoesNotExist``."""
    with tenant(user.pk):
        lock_accounts(owner_id=user.pk)
        CategoryRule.objects.for_user(user).get(pk=rule_id).delete()
        if clears:
            with connection.cursor() as cursor:
                for statement in statements.CLEAR_RULE:
                    cursor.execute(statement, {"owner": user.pk, "rule": rule_id})
            update_transfers(owner_id=user.pk)
        tags.delete_unused_tags(owner_id=user.pk)
        record_change(user=user, rule_id=rule_id, change="deleted")


def count_set_transactions(*, owner_id: UUID, rule_id: UUID) -> int:
    """How many transactions have something that a rule has set."""
    with connection.cursor() as cursor:
        cursor.execute(statements.COUNT_SET_BY_RULE, {"owner": owner_id, "rule": rule_id})
        return int(cursor.fetchone()[0])


def record_change(*, user: User, rule_id: UUID, change: str) -> None:
    """Record that a person changed one of their rules."""
    record(Action.RULE_CHANGED, actor=user, subject=user, resource="rule", resource_id=str(rule_id), change=change)
