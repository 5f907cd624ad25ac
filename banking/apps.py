from importlib import import_module

from django.apps import AppConfig


class BankingConfig(AppConfig):
    name = "banking"
    verbose_name = "Banking"

    def ready(self) -> None:
        """Register what notifications say, and the personal data."""
        import_module("banking.notification_messages")
        import_module("banking.personal_data")
