"""Move the webhooks of all bank connections to the URL in the settings, now and not a batch every five minutes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from banking.providers import all_providers
from banking.webhooks import webhook_urls

BATCH = 100


class Command(BaseCommand):
    help = "Move the webhooks of all bank connections to the URL in the settings, after that has changed."

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises ``CommandError`` if no provider has a URL, or if a connection could not be moved."""
        if not any(provider.link_settings().webhook_url for provider in all_providers()):
            raise CommandError("The settings have no URL for webhooks, see PLAID_WEBHOOK_URL.")
        changed, failed = webhook_urls.update_all_webhook_urls(batch=BATCH)
        self.stdout.write(f"{changed} connections moved.")
        if failed:
            raise CommandError(
                f"{failed} connections could not be moved; see the log. They are tried again in an hour."
            )
