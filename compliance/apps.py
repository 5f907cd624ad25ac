from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from compliance.vault import key_checks


class ComplianceConfig(AppConfig):
    """The foundation. Without good keys nothing starts: web servers and workers run no system checks."""

    name = "compliance"
    verbose_name = "Foundation"

    def ready(self) -> None:
        """Raise ``ImproperlyConfigured`` when FIELD_KEYS cannot be used; register the checks otherwise."""
        if found := key_checks.find_key_errors(settings.FIELD_KEYS, settings.SECRET_KEY):
            raise ImproperlyConfigured(" ".join(found))
        from compliance import checks  # noqa: F401  (registers itself)
