from importlib import import_module

from django.apps import AppConfig


class BankingConfig(AppConfig):
    name = "banking"
    verbose_name = "Banking"

    def ready(self) -> None:
        """Register what notifications say."""
        import_module("banking.notification_messages")
