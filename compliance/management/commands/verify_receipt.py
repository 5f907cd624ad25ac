"""Verify the receipt of a deletion."""

import json
from argparse import ArgumentParser
from base64 import b64decode
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.personal_data.receipts import SCHEMA
from compliance.signing import Signature, SigningKeyMissing, verify


class Command(BaseCommand):
    help = "Verify that this site signed the receipt of a deletion, and that nobody changed it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Print the receipt. Raises ``CommandError`` if it is not genuine."""
        try:
            receipt = json.loads(file.read_text())
            document, signature = receipt["document"], Signature(receipt["key_id"], b64decode(receipt["signature"]))
            is_genuine = verify(SCHEMA, document.encode(), signature)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CommandError(f"{file} is not a receipt: {type(error).__name__}") from error
        except SigningKeyMissing as error:
            raise CommandError(str(error)) from error
        if not is_genuine:
            raise CommandError("The receipt was changed, or this site did not sign it.")
        self.stdout.write(document)
