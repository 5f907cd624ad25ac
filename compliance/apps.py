from importlib import import_module

from django.apps import AppConfig

from compliance.startup import require_startup_checks


class ComplianceConfig(AppConfig):
    """The lowest layer. Without usable keys no process starts."""

    name = "compliance"
    verbose_name = "Compliance"

    def ready(self) -> None:
        """Raise ``ImproperlyConfigured`` when FIELD_KEYS or SIGNING_KEYS cannot be used."""
        from compliance import checks  # noqa: F401  (registers itself)

        import_module("compliance.personal_data.compliance_models")

        require_startup_checks()
