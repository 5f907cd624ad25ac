from django.apps import AppConfig

from compliance.startup import require_startup_checks


class ComplianceConfig(AppConfig):
    """The foundation. Without good keys nothing starts: web servers and workers run no system checks."""

    name = "compliance"
    verbose_name = "Foundation"

    def ready(self) -> None:
        """Raise ``ImproperlyConfigured`` when FIELD_KEYS cannot be used."""
        from compliance import checks  # noqa: F401  (registers itself)

        require_startup_checks()
