"""Read and rewrite the sealed documents of a user's reports."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from compliance.isolation import tenant
from credit.diffing import Change
from credit.models import Report
from credit.report import CreditReport, Tradeline
from credit.stored.documents import decode_changes, decode_report, encode_report


def load_reports(user: Any) -> list[CreditReport]:
    """Return a user's reports, oldest first, including those that pages do not show."""
    with tenant(user.pk):
        return [decode_report(row.document) for row in Report.objects.order_by("pulled_at")]


def load_accounts(user: Any) -> list[Tradeline]:
    """Return the accounts of all reports of a user."""
    return [account for report in load_reports(user) for account in report.tradelines]


def load_changes(user: Any) -> list[Change]:
    """Return all stored changes of a user, including those that pages do not show."""
    with tenant(user.pk):
        rows = Report.objects.filter(changes__isnull=False).order_by("pulled_at")
        return [change for row in rows for change in decode_changes(row.changes)]


def rewrite_reports(user: Any, edit: Callable[[CreditReport], CreditReport]) -> None:
    """Replace each report by the result of ``edit``."""
    with tenant(user.pk):
        for row in Report.objects.all():
            row.document = encode_report(edit(decode_report(row.document)))
            row.save(update_fields=["document"])


def rewrite_histories(user: Any, **changes: Any) -> None:
    """Change fields of every payment history."""
    rewrite_reports(
        user,
        lambda report: replace(report, tradelines=tuple(_with_history(line, **changes) for line in report.tradelines)),
    )


def _with_history(account: Tradeline, **changes: Any) -> Tradeline:
    return replace(account, history=replace(account.history, **changes)) if account.history else account


def rewrite_accounts(user: Any, **changes: Any) -> None:
    """Change fields of every account of every report."""
    rewrite_reports(
        user,
        lambda report: replace(report, tradelines=tuple(replace(line, **changes) for line in report.tradelines)),
    )
