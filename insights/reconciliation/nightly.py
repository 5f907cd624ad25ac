"""Check a user's figures once a day, and keep the results for the user and for operators."""

import logging
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from banking import connections
from banking.models import Account
from compliance.audit import Action, record
from compliance.isolation import tenant
from insights.balances import account_totals
from insights.models import FigureCheck
from insights.reconciliation.balance_changes import check_balances
from insights.reconciliation.figures import check_cash_flow, check_chart
from insights.reconciliation.results import CheckResult

logger = logging.getLogger(__name__)


def check_figures(*, owner_id: UUID) -> list[FigureCheck]:
    """Check all figures of a user and store the results; return the checks that found a new difference.

    Banks that are out of date are left out: their balances and transactions may be of different days.
    """
    with tenant(owner_id):
        items = [item for item in connections.list_connections(User(pk=owner_id)) if item.state == "fresh"]
        accounts = account_totals.list_shown_accounts(items)
        results = [
            *check_balances(owner_id=owner_id, accounts=accounts),
            *check_cash_flow(owner_id=owner_id, items=items),
            *check_chart(owner_id=owner_id, items=items),
        ]
        stored = {(row.kind, row.account_id, row.currency): row for row in FigureCheck.objects.filter(owner=owner_id)}
        differing_before = {check.pk for check in stored.values() if check.differs_since}
        checks = [store_result(owner_id, result, stored) for result in results]
        delete_outdated(owner_id, checks)
        new = [check for check in checks if check.differs_since and check.pk not in differing_before]
        for check in new:
            report_difference(check)
        return new


def store_result(
    owner_id: UUID, result: CheckResult, stored: dict[tuple[str, UUID | None, str], FigureCheck]
) -> FigureCheck:
    """Store a result in the row of its figure."""
    check = stored.get((result.kind, result.account_id, result.currency)) or FigureCheck(
        owner_id=owner_id, kind=result.kind, account_id=result.account_id, currency=result.currency
    )
    check.checked_at = timezone.now()
    check.since, check.until = result.since, result.until
    check.expected, check.actual = result.expected, result.actual
    check.differs_since = None if result.agrees else check.differs_since or check.checked_at
    check.save()
    return check


def delete_outdated(owner_id: UUID, checks: list[FigureCheck]) -> None:
    """Delete the checks of figures that no page shows any more; those of banks that are out of date stay."""
    others = FigureCheck.objects.filter(owner=owner_id).exclude(pk__in=[check.pk for check in checks])
    is_gone = Q(account__closed_at__isnull=False) | Q(account__successor__isnull=False) | Q(account=None)
    others.filter(is_gone | Q(account__inclusion=Account.Inclusion.HIDDEN)).delete()


def report_difference(check: FigureCheck) -> None:
    """Tell operators which figure differs, without an amount, and record it in the user's trail."""
    logger.error("Figure check %s: %s differs since %s", check.pk, check.kind, check.since)
    record(
        Action.FIGURE_DIFFERS,
        actor=None,
        subject=check.owner_id,
        resource="account" if check.account_id else "overview",
        resource_id=str(check.account_id or ""),
        kind=check.kind,
    )
