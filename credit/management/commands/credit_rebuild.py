"""``manage.py credit_rebuild``: parse stored raw reports again."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from credit.pulls import rebuilding


class Command(BaseCommand):
    """Rebuilds every report from its stored raw report, without calling the bureau."""

    help = (
        "Parse stored raw reports again. Without options, those that the parser of this version has not parsed. May be "
        "killed and run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options that select users and raw reports."""
        selection = parser.add_mutually_exclusive_group()
        selection.add_argument("--all", action="store_true", help="Every raw report of all users.")
        selection.add_argument("--owner", type=UUID, metavar="ID", help="Every raw report of one user.")
        parser.add_argument("--after", type=UUID, metavar="ID", help="Continue after this user.")

    def handle(self, *args: Any, all: bool, owner: UUID | None, after: UUID | None, **options: Any) -> None:
        """Raise ``CommandError`` if a raw report could not be parsed. All others are rebuilt."""
        total = rebuilding.RebuildResult()
        for owner_id in [owner] if owner else rebuilding.list_owners(after=after):
            result = rebuilding.rebuild(owner_id=owner_id, everything=all or owner is not None)
            total.read += result.read
            total.unreadable += result.unreadable
            if result.read or result.unreadable:
                self.stdout.write(f"{owner_id}: {result.read} read, {result.unreadable} unreadable")
        self.stdout.write(f"Read {total.read} raw reports again.")
        if total.unreadable:
            raise CommandError(f"This version cannot read {total.unreadable} raw reports. They are kept as they are.")
