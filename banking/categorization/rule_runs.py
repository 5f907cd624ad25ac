"""Apply a rule to stored transactions: show in advance what would change, apply it, and undo it."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from banking.account_matching.locks import lock_accounts
from banking.categorization import statements, tags
from banking.categorization.rules import RuleValues, save_values, store_rule
from banking.joins import hash_joins
from banking.models import CategoryRule, RuleRun
from banking.transactions.replacements import MAX_REPLACEMENTS, read_rows_now
from banking.transactions.transfers import update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant

# A web request has time for as many; the person repeats it for the rest.
MAX_ROWS: Final = 5_000
PREVIEW_ROWS: Final = 10
UNDO_DAYS: Final = 30


class LaterRun(Exception):
    """A later run changed the same transactions, and has to be undone first."""


class PreviewRow(NamedTuple):
    """A transaction as it is now, and what the rule would set: empty where it sets nothing."""

    id: UUID
    day: date
    label: str
    amount: Decimal
    currency: str
    category: str
    new_category: str | None
    new_label: str | None
    hides: bool
    is_tagged: bool


@dataclass(frozen=True, slots=True)
class RulePreview:
    """How many transactions a rule would change, and the newest of them."""

    count: int
    rows: list[PreviewRow]

    @property
    def limited_count(self) -> int:
        """How many of them one run changes."""
        return min(self.count, MAX_ROWS)


def preview_rule(*, owner_id: UUID, rule_id: UUID) -> RulePreview:
    """What applying a rule now would change; a rule that is off changes nothing."""
    params: dict[str, Any] = {"owner": owner_id, "rule": rule_id, "limit": PREVIEW_ROWS}
    with connection.cursor() as cursor, hash_joins(cursor):
        cursor.execute(statements.PREVIEW_RULE, params)
        rows = cursor.fetchall()
    return RulePreview(rows[0][0] if rows else 0, [PreviewRow(*values) for _, *values in rows])


def preview_values(*, user: User, values: RuleValues, rule_id: UUID | None = None) -> RulePreview:
    """What a new rule would change, or a stored one with other values. Nothing is stored.

    Raises ``CategoryRule.DoesNotExist`` and ``TooManyRules``.
    """
    with tenant(user.pk):
        savepoint = transaction.savepoint()
        try:
            if rule_id is None:
                rule = store_rule(user=user, values=values)
            else:
                rule = save_values(CategoryRule.objects.for_user(user).get(pk=rule_id), values)
            return preview_rule(owner_id=user.pk, rule_id=rule.pk)
        finally:
            transaction.savepoint_rollback(savepoint)


def apply_rule(*, user: User, rule_id: UUID) -> RuleRun:
    """Apply a rule to a person's transactions, the newest first and at most ``MAX_ROWS``; the run can be undone.

    Nothing that the person set changes, and nothing that a rule with precedence sets. Raises
    ``CategoryRule.DoesNotExist``.
    """
    with tenant(user.pk):
        lock_accounts(owner_id=user.pk)
        rule = CategoryRule.objects.for_user(user).get(pk=rule_id)
        delete_old_runs(owner_id=user.pk)
        run = RuleRun.objects.create(owner_id=user.pk, rule=rule)
        params: dict[str, Any] = {"owner": user.pk, "rule": rule.pk, "run": run.pk, "limit": MAX_ROWS}
        with connection.cursor() as cursor, hash_joins(cursor):
            cursor.execute(statements.APPLY_RULE, params)
            run.changed = cursor.rowcount
        run.save(update_fields=["changed"])
        finish_run(user=user, run=run, action=Action.RULE_APPLIED, count=run.changed)
        return run


def undo_run(*, user: User, run_id: UUID) -> int:
    """Undo a run where nobody changed its values since; returns how many transactions changed back.

    Raises ``RuleRun.DoesNotExist``, also for a run that is undone, and ``LaterRun``.
    """
    with tenant(user.pk):
        lock_accounts(owner_id=user.pk)
        run = RuleRun.objects.for_user(user).filter(undone_at=None).select_for_update(of=["self"]).get(pk=run_id)
        follow_replacements(run)
        params: dict[str, Any] = {"owner": user.pk, "rule": run.rule_id, "run": run.pk, "started_at": run.started_at}
        with connection.cursor() as cursor:
            cursor.execute(statements.HAS_LATER_RUN, params)
            if cursor.fetchone()[0]:
                raise LaterRun
            with hash_joins(cursor):
                cursor.execute(statements.UNDO_RUN, params)
                count = int(cursor.fetchone()[0])
        run.undone_at = timezone.now()
        run.save(update_fields=["undone_at"])
        run.changes.all().delete()
        tags.delete_unused_tags(owner_id=user.pk)
        finish_run(user=user, run=run, action=Action.RULE_UNDONE, count=count)
        return count


def follow_replacements(run: RuleRun) -> None:
    """Let a run, and others that changed the same rows, have changed the rows in their place, too.

    The posted row of a pending one, and the equal row of another connection, took over what was set.
    """
    row_ids = list(run.changes.values_list("transaction", flat=True))
    for _ in range(MAX_REPLACEMENTS):
        rows = read_rows_now(row_ids, owner_id=run.owner_id)
        moved = {row_id: row.replacement for row_id, row in rows.items() if row.replacement is not None}
        if not moved:
            break
        row_ids = list(moved.values())
        with connection.cursor() as cursor:
            params: dict[str, Any] = {"owner": run.owner_id, "old": list(moved), "new": row_ids}
            cursor.execute(statements.FOLLOW_REPLACED, params)


def finish_run(*, user: User, run: RuleRun, action: Action, count: int) -> None:
    """Let transfers follow the changed categories, and record the run."""
    update_transfers(owner_id=user.pk)
    details: dict[str, Any] = {"run": str(run.pk), "count": count}
    record(action, actor=user, subject=user, resource="rule", resource_id=str(run.rule_id), **details)


def list_runs(*, owner_id: UUID, rule_id: UUID) -> QuerySet[RuleRun]:
    """The runs of a rule that can be undone or were undone, the newest first."""
    since = timezone.now() - timedelta(days=UNDO_DAYS)
    return RuleRun.objects.filter(owner=owner_id, rule=rule_id, started_at__gte=since).order_by("-started_at", "-pk")


def delete_old_runs(*, owner_id: UUID) -> None:
    """Delete runs that are too old to be undone."""
    before = timezone.now() - timedelta(days=UNDO_DAYS)
    RuleRun.objects.filter(owner=owner_id, started_at__lt=before).delete()
