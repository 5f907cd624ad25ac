from django.apps import AppConfig


class CreditConfig(AppConfig):
    name = "credit"
    verbose_name = "Credit"

    def ready(self) -> None:
        """Register the checks."""
        from credit import checks  # noqa: F401
