"""Erase the accounts whose deletion is due."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.deletion import erasure, tasks
from compliance.personal_data.processors import ErasureDelayed


class Command(BaseCommand):
    help = "Erase the accounts whose deletion is due, as Celery beat does every ten minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="list the accounts and erase nothing")
        parser.add_argument("--limit", type=int, default=1000, help="at most this many accounts")

    def handle(self, *args: Any, dry_run: bool, limit: int, **options: Any) -> None:
        for owner_id in erasure.list_due_deletions(at=timezone.now(), limit=limit):
            if dry_run:
                self.stdout.write(f"{owner_id} is due.")
                continue
            try:
                erased = erasure.erase_account(owner_id=owner_id)
            except ErasureDelayed as reason:
                self.stderr.write(f"{owner_id} has to wait: {reason}")
                continue
            if erased is not None:
                tasks.send_receipt_at_once(erased)
                self.stdout.write(f"{owner_id} is erased.")
