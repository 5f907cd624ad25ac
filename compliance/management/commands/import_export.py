"""``manage.py import_export FILE``: an export becomes an account of this site."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.restore.restoring import restore_export
from compliance.restore.rows import CannotRestore


class Command(BaseCommand):
    """Verifies the export, restores it in one transaction, and compares what is stored with it."""

    help = "Restore an export of one user into this site, which must not have that user. See docs/export.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file and the key of the site that wrote it."""
        parser.add_argument("file", type=Path, help="The ZIP file that the user downloaded.")
        parser.add_argument("--key", help="The public key of that site, from its page about exports.")

    def handle(self, *args: Any, file: Path, key: str | None, **options: Any) -> None:
        """Print the comparison. Raises ``CommandError`` if nothing was restored, or something differs."""
        try:
            restoration = restore_export(file, key=key)
        except CannotRestore as error:
            raise CommandError(str(error)) from error
        for sentence in restoration.findings:
            self.stdout.write(sentence)
        for comparison in restoration.files:
            rows = "" if comparison.exported[0] is None else f"{comparison.exported[0]} rows, "
            verdict = "equal" if comparison.is_equal else "DIFFERS"
            self.stdout.write(f"{verdict:<8} {comparison.name}: {rows}SHA-256 {comparison.exported[1]}")
        different = [comparison.name for comparison in restoration.files if not comparison.is_equal]
        if different:
            raise CommandError(f"Restored {restoration.user_id}, but not equal: {', '.join(different)}.")
        self.stdout.write(f"Restored {restoration.rows} rows of {restoration.user_id}. Every restorable file is equal.")
