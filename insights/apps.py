from importlib import import_module

from django.apps import AppConfig


class InsightsConfig(AppConfig):
    name = "insights"
    verbose_name = "Insights"

    def ready(self) -> None:
        """Register the notification messages and the personal data."""
        import_module("insights.cash_flow.notification_messages")
        import_module("insights.personal_data")
