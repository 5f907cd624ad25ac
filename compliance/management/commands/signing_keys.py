"""``manage.py signing_keys``: the public keys with which others verify this site's signatures."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from compliance.signing import public_key_pem, public_keys


class Command(BaseCommand):
    """Prints public keys only; the private ones never leave the settings."""

    help = "Print the public keys of SIGNING_KEYS, one line each: id and base64 of the Ed25519 key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add ``--pem``."""
        parser.add_argument("--pem", action="store_true", help="Print PEM, for openssl, instead of base64.")

    def handle(self, *args: Any, pem: bool, **options: Any) -> None:
        """Print each key; the first signs."""
        for key_id, encoded in public_keys().items():
            self.stdout.write(f"# {key_id}\n{public_key_pem(key_id)}" if pem else f"{key_id} {encoded}")
