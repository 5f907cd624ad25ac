from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config import refusals


class ConfigConfig(AppConfig):
    """The roof. With settings that contradict each other nothing starts: web servers and workers run no checks."""

    name = "config"
    verbose_name = "Roof"

    def ready(self) -> None:
        """Raise ``ImproperlyConfigured`` when the site cannot run with its settings; register the checks otherwise."""
        if found := refusals.problems(settings):
            raise ImproperlyConfigured(" ".join(found))
        from config import checks  # noqa: F401  (registers itself)
