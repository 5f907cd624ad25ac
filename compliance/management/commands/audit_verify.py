"""``manage.py audit_verify``: verifies the audit trail."""

from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.audit.anchors.verification import AnchorVerification, FileProblem
from compliance.audit.chain import Verification
from compliance.audit.faults import ChainProblem
from compliance.audit.verification_results import find_all_problems


def parse_datetime(text: str) -> datetime:
    """Parse an ISO 8601 date or time, in UTC unless it has an offset. Raises ``ValueError``."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class Command(BaseCommand):
    """Recomputes every chain and finds what the nightly job finds.

    The exit code is 1 when a problem is found, but not for a time without anchors.
    """

    help = (
        "Verify the audit trail. Prints one line for each problem and exits 1 if there is any. "
        "A time without anchors is a warning."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add ``--since``; earlier events are trusted. ``--anchors`` compares the chains with an anchor file too."""
        parser.add_argument("--since", type=parse_datetime, help="Begin at this time, ISO 8601, UTC by default.")
        parser.add_argument("--anchors", type=Path, metavar="FILE", help="A file of anchors: AUDIT_ANCHOR_FILE.")

    def handle(self, *args: Any, since: datetime | None, anchors: Path | None, **options: Any) -> None:
        """Raises ``CommandError`` when a problem is found, or the file cannot be read."""
        verification = Verification(since=since)
        count = self.print_problems(find_all_problems(verification))
        scope = f"{verification.events.total()} audit events"
        if anchors is not None:
            comparison = AnchorVerification(anchors)
            count += self.compare_anchors(comparison)
            scope += f" and {comparison.compared} anchored heads"
        if count:
            raise CommandError(f"{count} problem(s) in {scope}.")
        self.stdout.write(f"{scope} verified.")

    def compare_anchors(self, comparison: AnchorVerification) -> int:
        """Print problems, and a warning for each time without anchors; returns how many problems there are."""
        try:
            count = self.print_problems(comparison.find_problems())
        except OSError as error:
            raise CommandError(f"{comparison.path} cannot be read: {error.strerror}.") from error
        for gap in comparison.gaps:
            self.stdout.write(self.style.WARNING(f"Warning: anchor file, line {gap.line}: {gap.description}"))
        return count

    def print_problems(self, problems: Iterable[ChainProblem | FileProblem]) -> int:
        """Print one line for each problem; returns how many."""
        count = 0
        for problem in problems:
            count += 1
            place = (
                f"Anchor file, line {problem.line}"
                if isinstance(problem, FileProblem)
                else f"{problem.subject} #{problem.sequence}"
            )
            self.stdout.write(f"{place}: {problem.description}")
        return count
