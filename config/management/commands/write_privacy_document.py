"""``manage.py write_privacy_document``: what the site stores about people, and how it is protected."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.privacy_document.rendering import DOCUMENT, render_document


class Command(BaseCommand):
    help = "Write docs/privacy.md from the registry of personal data. Needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail if the document is out of date")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        """Write the document. Raises ``CommandError`` if it is out of date and ``check`` is set."""
        path = settings.BASE_DIR / DOCUMENT
        text = render_document()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            self.stdout.write(f"{DOCUMENT} is up to date.")
            return
        if check:
            raise CommandError(f"{DOCUMENT} is out of date. Run `manage.py write_privacy_document`.")
        path.write_text(text, encoding="utf-8")
        self.stdout.write(f"{DOCUMENT} is written.")
