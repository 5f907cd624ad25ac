"""The pages about the largest credit file: 60 accounts, 84 months each, and 100 public records, in two reports."""

import gzip
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from bench.credit import LARGEST, normalize_report, text
from bench.harness import database
from bench.harness.rounds import at_most, print_result
from bench.harness.servers import static_files
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
BY_NAME = ("", "_accounts", "_inquiries", "_records", "_personal", "_changes", "_history", "_utilization", "_rights")


@dataclass(frozen=True, slots=True)
class CreditPageWeight:
    """One page: its HTML as it travels and as it is written, in KiB, and how many SQL statements it took."""

    packed: float
    unpacked: float
    statements: int


def store_report(user: User, report: CreditReport, *, days_ago: int) -> UUID:
    """Store a report as a pull some days ago would have left it."""
    at = timezone.now() - timedelta(days=days_ago)
    request_facts = {
        "provider": report.provider,
        "reference_id": uuid4().hex,
        "purpose": "3F",
        "inquiry_class": "soft",
    }
    with tenant(user.pk):
        attempt = PullAttempt.objects.create(
            owner=user, status=AttemptStatus.MADE, trigger=models.Trigger.SCHEDULED, finished_at=at, consent_id=uuid4(),
            **request_facts,
        )  # fmt: skip
        raw = RawReport.objects.create(
            owner=user, attempt=attempt, body=pack(b"{}"), sha256=report.sha256, size=2, http_status=200,
            fetched_at=at, is_sample=False, **request_facts,
        )  # fmt: skip
        stored = reports.store_report(raw=raw, report=report)
        record_changes(stored=stored, report=report, quietly=True)
    return stored.pk


def addresses(report: CreditReport, before: UUID, after: UUID) -> list[str]:
    """Every page that shows something of a report."""
    changes = f"{reverse('credit_changes')}?before={before}&after={after}"
    account = reverse("credit_account", args=[report.tradelines[0].key])
    return [*(reverse(f"credit{name}") for name in BY_NAME), account, changes, f"{reverse('credit_records')}?page=4"]


def weigh(client: Client, address: str) -> CreditPageWeight:
    """Open a page and count, besides the statements that begin, bind and end its transaction."""
    seen = []

    def watch(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}.")
    return CreditPageWeight(len(answer.content) / KIB, len(gzip.decompress(answer.content)) / KIB, len(seen))


def main() -> None:
    database.make()
    user, client = database.newcomer(), Client()
    client.force_login(user)
    largest = text(**LARGEST)
    before, after = normalize_report(largest.replace(b"00001140", b"00009140")), normalize_report(largest)
    pages = addresses(after, store_report(user, before, days_ago=31), store_report(user, after, days_ago=0))
    with static_files():
        weights = {address: weigh(client, address) for address in pages}
    print_result(
        "credit_pages",
        {
            "html_kib": at_most(MOST_KIB, [max(weight.packed for weight in weights.values())]),
            "html_kib_uncompressed": at_most(MOST_KIB, [max(weight.unpacked for weight in weights.values())]),
            "sql_statements": at_most(MOST_STATEMENTS, [max(weight.statements for weight in weights.values())]),
        },
        pages=len(pages),
    )


if __name__ == "__main__":
    main()
