from importlib import import_module

from django.apps import AppConfig

from compliance.startup import require_startup_checks


class ConfigConfig(AppConfig):
    """The project's own app. It checks the settings at every start, because web servers and workers run no checks."""

    name = "config"
    verbose_name = "Site"

    def ready(self) -> None:
        """Raise ``ImproperlyConfigured`` when the site cannot run with its settings."""
        from config import checks  # noqa: F401  (registers itself)

        import_module("config.personal_data")

        require_startup_checks()
