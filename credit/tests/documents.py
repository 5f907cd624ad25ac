"""What stands in the sealed documents of a person's reports, and how a test puts something else there."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from compliance.isolation import tenant
from credit.diffing import Change
from credit.models import Report
from credit.report import CreditReport, Tradeline
from credit.stored.documents import decode_changes, decode_report, encode_report


def stored_reports(user: Any) -> list[CreditReport]:
    """A person's reports, oldest first, whether they may be shown or not."""
    with tenant(user.pk):
        return [decode_report(row.document) for row in Report.objects.order_by("pulled_at")]


def stored_accounts(user: Any) -> list[Tradeline]:
    """The accounts of all of a person's reports."""
    return [account for report in stored_reports(user) for account in report.tradelines]


def stored_changes(user: Any) -> list[Change]:
    """Everything that is written down as changed, whether it may be shown or not."""
    with tenant(user.pk):
        rows = Report.objects.filter(changes__isnull=False).order_by("pulled_at")
        return [change for row in rows for change in decode_changes(row.changes)]


def rewrite_reports(user: Any, edit: Callable[[CreditReport], CreditReport]) -> None:
    """Put what ``edit`` makes of each report in its place."""
    with tenant(user.pk):
        for row in Report.objects.all():
            row.document = encode_report(edit(decode_report(row.document)))
            row.save(update_fields=["document"])


def rewrite_histories(user: Any, **changes: Any) -> None:
    """Change fields of the payment history of every account that has one."""
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
