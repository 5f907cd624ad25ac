from importlib import import_module

from django.apps import AppConfig


class BankingConfig(AppConfig):
    name = "banking"
    verbose_name = "Banking"

    def ready(self) -> None:
        """Register what notifications say, names for the activity log, and what is kept for how long."""
        from accounts.privacy.activity.resource_names import register_names
        from banking.connections import find_account_names, find_bank_names

        import_module("banking.notification_messages")
        import_module("banking.personal_data")
        import_module("banking.retention.transaction_rule")
        register_names("item", find_bank_names)
        register_names("account", find_account_names)
