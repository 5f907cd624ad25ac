"""``manage.py audit_verify``: verifies the audit trail."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.audit.chain import Verification


def parse_datetime(text: str) -> datetime:
    """Parse an ISO 8601 date or time, in UTC unless it has an offset. Raises ``ValueError``."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class Command(BaseCommand):
    """Recomputes every chain; the exit code is 1 when a problem is found."""

    help = "Verify the audit trail. Prints one line for each problem and exits 1 if there is any."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add ``--since``; earlier events are trusted."""
        parser.add_argument("--since", type=parse_datetime, help="Begin at this time, ISO 8601, UTC by default.")

    def handle(self, *args: Any, since: datetime | None, **options: Any) -> None:
        """Raises ``CommandError`` when a problem is found."""
        verification = Verification(since=since)
        count = 0
        for problem in verification.find_problems():
            count += 1
            self.stdout.write(f"{problem.subject} #{problem.sequence}: {problem.description}")
        if count:
            raise CommandError(f"{count} problem(s) in {verification.events} audit events.")
        self.stdout.write(f"{verification.events} audit events verified.")
