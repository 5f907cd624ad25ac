"""``manage.py credit_rebuild``: parse stored answers of the bureau again."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from credit.pulls import rebuilding


class Command(BaseCommand):
    """Rebuilds every report from its stored answer, without calling the bureau."""

    help = (
        "Make the rows of credit reports anew from the kept answers. Without options, those that the parser of this "
        "version has not read. May be killed and run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options that select users and answers."""
        whose = parser.add_mutually_exclusive_group()
        whose.add_argument("--all", action="store_true", help="Every answer of everybody.")
        whose.add_argument("--owner", type=UUID, metavar="ID", help="Every answer of one person.")
        parser.add_argument("--after", type=UUID, metavar="ID", help="Go on behind the person named last.")

    def handle(self, *args: Any, all: bool, owner: UUID | None, after: UUID | None, **options: Any) -> None:
        """Raise ``CommandError`` when an answer could not be parsed; the others are rebuilt all the same."""
        total = rebuilding.RebuildResult()
        for person in [owner] if owner else rebuilding.list_owners(after=after):
            done = rebuilding.rebuild(owner_id=person, everything=all or owner is not None)
            total.read += done.read
            total.unreadable += done.unreadable
            if done.read or done.unreadable:
                self.stdout.write(f"{person}: {done.read} read, {done.unreadable} unreadable")
        self.stdout.write(f"Read {total.read} answers again.")
        if total.unreadable:
            raise CommandError(f"{total.unreadable} answers cannot be read by this version. They are kept as they are.")
