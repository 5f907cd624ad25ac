"""Erase the accounts whose deletion is due, and send the emails about deletions, also those that wait."""

import logging
from argparse import ArgumentParser
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.deletion import erasure, request_emails, unsent_receipts
from compliance.personal_data.processors import ErasureDelayed
from compliance.personal_data.receipts import ErasureReceipt

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Erase the accounts whose deletion is due and send emails that wait, as Celery beat does every ten minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="list what is due; erase and send nothing")
        parser.add_argument("--limit", type=int, default=1000, help="at most this many accounts")

    def handle(self, *args: Any, dry_run: bool, limit: int, **options: Any) -> None:
        """Raises ``CommandError`` at the end if an account could not be erased. The others are erased nevertheless."""
        waiting = unsent_receipts.list_due(at=timezone.now())
        failed, receipts = 0, []
        for owner_id in islice(erasure.iterate_due_deletions(at=timezone.now()), limit):
            if dry_run:
                self.stdout.write(f"{owner_id} is due.")
                continue
            try:
                receipts += self.erase(owner_id)
            except Exception as error:
                logger.exception("The account of user %s could not be erased", owner_id)
                self.stderr.write(f"{owner_id} failed: {type(error).__name__}")
                failed += 1
        # After the erasures, which no email may stop.
        self.send_receipts([*waiting, *(receipt.owner for receipt in receipts)], dry_run=dry_run)
        self.send_request_emails(dry_run=dry_run)
        if failed:
            raise CommandError(f"{failed} {'account' if failed == 1 else 'accounts'} could not be erased.")

    def send_request_emails(self, *, dry_run: bool) -> None:
        """Send the links that cancel a deletion, as far as they wait. The log has those that fail."""
        for owner_id, request_id in request_emails.list_unsent(at=timezone.now()):
            if dry_run:
                self.stdout.write(f"The email about the deletion of {owner_id} is not sent yet.")
            else:
                request_emails.try_to_send(owner_id=owner_id, request_id=request_id)

    def send_receipts(self, accounts: list[UUID], *, dry_run: bool) -> None:
        """Send the receipts of erased accounts. Say which of them are not sent."""
        for account in accounts:
            if dry_run or not unsent_receipts.try_to_send(account=account):
                self.stdout.write(f"The receipt of {account} is not sent yet.")

    def erase(self, owner_id: UUID) -> list[ErasureReceipt]:
        """Erase one account and return its receipt, unless it has to wait."""
        try:
            receipt = erasure.erase_account(owner_id=owner_id)
        except ErasureDelayed as reason:
            self.stderr.write(f"{owner_id} has to wait: {reason}")
            return []
        if receipt is None:
            return []
        self.stdout.write(f"{owner_id} is erased.")
        return [receipt]
