"""``manage.py import_export FILE``: an export becomes an account of this site."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.export.verify_export import escape_text
from compliance.restore.restoring import restore_export
from compliance.restore.rows import CannotRestore


class Command(BaseCommand):
    """Verifies the export, restores it in one transaction, and compares what is stored with it."""

    help = "Restore an export of one user into this site, which must not have that user. See docs/export.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file and the key of the site that wrote it."""
        parser.add_argument("file", type=Path, help="The ZIP file that the user downloaded.")
        signer = parser.add_mutually_exclusive_group(required=True)
        signer.add_argument("--key", help="The public key of that site, from its page about exports.")
        signer.add_argument(
            "--accept-any-signer",
            action="store_true",
            help="Restore without knowing who wrote the file: whoever made it chose every value in it.",
        )

    def handle(self, *args: Any, file: Path, key: str | None, **options: Any) -> None:
        """Print each restored file. Raises ``CommandError`` if nothing was restored."""
        try:
            restoration = restore_export(file, key=key)
        except CannotRestore as error:
            raise CommandError(str(error)) from error
        for sentence in restoration.findings:
            self.stdout.write(escape_text(sentence))
        for restored in restoration.files:
            rows = "" if restored.rows is None else f"{restored.rows} rows, "
            self.stdout.write(escape_text(f"equal    {restored.name}: {rows}SHA-256 {restored.sha256}"))
        self.stdout.write(f"Restored {restoration.rows} rows of {restoration.user_id}. Every restorable file is equal.")
