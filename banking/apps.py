from importlib import import_module

from django.apps import AppConfig


class BankingConfig(AppConfig):
    name = "banking"
    verbose_name = "Banking"

    def ready(self) -> None:
        """Register what notifications say, the names of banks in the activity log, and the personal data."""
        from accounts.privacy.activity.resource_names import register_names
        from banking.connections import find_bank_names

        import_module("banking.notification_messages")
        import_module("banking.personal_data")
        register_names("item", find_bank_names)
