from importlib import import_module

from django.apps import AppConfig


class CreditConfig(AppConfig):
    name = "credit"
    verbose_name = "Credit"

    def ready(self) -> None:
        """Register the checks, notification messages, personal data, how long it is kept, and the signed text."""
        from credit import checks  # noqa: F401  (registers itself)

        import_module("credit.changes.notification_messages")
        import_module("credit.pulls.notification_messages")
        import_module("credit.personal_data")
        import_module("credit.enrollment.retention_rule")
        import_module("credit.enrollment.authorization")
