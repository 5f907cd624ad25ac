"""List connections that only the provider's support can remove, or end one that it has removed."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from banking.linking import orphaned_removals
from banking.models import OrphanedRemoval


def describe_ids(lost: OrphanedRemoval) -> str:
    """The ids by which the provider's support finds the connection."""
    if lost.provider_item_id:
        return f"Item {lost.provider_item_id}"
    return f"link session {lost.link_session_id or 'unknown'}, request {lost.request_id or 'unknown'}"


class Command(BaseCommand):
    help = "List connections whose token was lost, so that the provider's support has to remove them, or end one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=UUID, nargs="?", help="the removal that the provider's support has confirmed")

    def handle(self, *args: Any, id: UUID | None, **options: Any) -> None:
        """Raises ``CommandError`` if there is no such removal, or if it is still retried."""
        if id is None:
            for lost in orphaned_removals.list_lost_orphans():
                self.stdout.write(f"{lost.pk}: {lost.provider} {lost.environment}, {describe_ids(lost)}")
        elif orphaned_removals.confirm_lost_orphan(removal_id=id):
            self.stdout.write(f"{id} is confirmed.")
        else:
            raise CommandError("No removal with this id waits for the provider's support.")
