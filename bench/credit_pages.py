"""The credit pages of a user with two reports of the largest size: 60 accounts, 84 months each, 100 public records."""

import gzip
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from bench.credit import LARGEST, build_raw_report, normalize_report
from bench.harness import database
from bench.harness.rounds import goal_at_most, print_result
from bench.harness.servers import collect_static_files
from compliance.isolation import tenant
from credit import models
from credit.changes.record import record_changes
from credit.models import AttemptStatus, PullAttempt, RawReport
from credit.report import CreditReport
from credit.stored import reports
from credit.stored.documents import pack

KIB = 1024
MOST_KIB = 60
MOST_STATEMENTS = 12
PAGE_SUFFIXES = (
    "",
    "_accounts",
    "_inquiries",
    "_records",
    "_personal",
    "_changes",
    "_history",
    "_utilization",
    "_rights",
)


@dataclass(frozen=True, slots=True)
class CreditPageWeight:
    """The size of a page's HTML in KiB, compressed and not, and the number of SQL statements of its request."""

    compressed: float
    uncompressed: float
    statements: int


def store_report(user: User, report: CreditReport, *, days_ago: int) -> UUID:
    """Store a report as if it had been pulled ``days_ago``, and return its id."""
    pulled_at = timezone.now() - timedelta(days=days_ago)
    request_fields = {
        "provider": report.provider,
        "reference_id": uuid4().hex,
        "purpose": "3F",
        "inquiry_class": "soft",
    }
    with tenant(user.pk):
        attempt = PullAttempt.objects.create(
            owner=user, status=AttemptStatus.MADE, trigger=models.Trigger.SCHEDULED, finished_at=pulled_at,
            consent_id=uuid4(), **request_fields,
        )  # fmt: skip
        raw = RawReport.objects.create(
            owner=user, attempt=attempt, body=pack(b"{}"), sha256=report.sha256, size=2, http_status=200,
            fetched_at=pulled_at, is_sample=False, **request_fields,
        )  # fmt: skip
        stored = reports.store_report(raw=raw, report=report)
        record_changes(stored=stored, report=report, quietly=True)
    return stored.pk


def list_paths(report: CreditReport, before: UUID, after: UUID) -> list[str]:
    """List the paths of all pages that show data of a report."""
    changes = f"{reverse('credit_changes')}?before={before}&after={after}"
    account = reverse("credit_account", args=[report.tradelines[0].key])
    return [
        *(reverse(f"credit{name}") for name in PAGE_SUFFIXES),
        account,
        changes,
        f"{reverse('credit_records')}?page=4",
    ]


def measure_page(client: Client, path: str) -> CreditPageWeight:
    """Request a page and measure it. Statements that begin, bind and end its transaction are not counted.

    Raises ``SystemExit`` if the status is not 200.
    """
    statements = []

    def record_statement(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record_statement):
        response = client.get(path, headers={"Accept-Encoding": "gzip"})
    if response.status_code != 200:
        raise SystemExit(f"{path} responded with {response.status_code}.")
    return CreditPageWeight(len(response.content) / KIB, len(gzip.decompress(response.content)) / KIB, len(statements))


def main() -> None:
    database.prepare()
    user, client = database.get_new_user(), Client()
    client.force_login(user)
    largest = build_raw_report(**LARGEST)
    before, after = normalize_report(largest.replace(b"00001140", b"00009140")), normalize_report(largest)
    paths = list_paths(after, store_report(user, before, days_ago=31), store_report(user, after, days_ago=0))
    with collect_static_files():
        weights = {path: measure_page(client, path) for path in paths}
    print_result(
        "credit_pages",
        {
            "html_kib": goal_at_most(MOST_KIB, [max(weight.compressed for weight in weights.values())]),
            "html_kib_uncompressed": goal_at_most(MOST_KIB, [max(weight.uncompressed for weight in weights.values())]),
            "sql_statements": goal_at_most(MOST_STATEMENTS, [max(weight.statements for weight in weights.values())]),
        },
        pages=len(paths),
    )


if __name__ == "__main__":
    main()
