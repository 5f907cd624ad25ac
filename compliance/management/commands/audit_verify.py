"""``manage.py audit_verify``: shows that the audit trail was not changed, or where it was."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.audit.chain import Verification


def moment(text: str) -> datetime:
    """Read an ISO 8601 date or time, in UTC unless it says otherwise. Raises ``ValueError``."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class Command(BaseCommand):
    """Recomputes every chain; the exit code is 1 when anything is wrong."""

    help = "Verify the audit trail. Prints one line for each problem and exits 1 if there is any."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Verification may begin at a moment; what stands before it is trusted."""
        parser.add_argument("--since", type=moment, help="Begin at this moment, ISO 8601, UTC by default.")

    def handle(self, *args: Any, since: datetime | None, **options: Any) -> None:
        """Raises ``CommandError`` when anything is wrong."""
        verification = Verification(since=since)
        found = 0
        for problem in verification.problems():
            found += 1
            self.stdout.write(f"{problem.subject} #{problem.sequence}: {problem.what}")
        if found:
            raise CommandError(f"{found} problem(s) in {verification.events} audit events.")
        self.stdout.write(f"{verification.events} audit events verified.")
