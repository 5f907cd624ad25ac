"""The apps of this checkout, found by their path, so that tests over all apps cover a new app at once."""

from pathlib import Path

from django.apps import apps
from django.conf import settings


def own_apps() -> frozenset[str]:
    """The labels of the apps in this checkout, without those of installed packages."""
    return frozenset(app.label for app in apps.get_app_configs() if Path(app.path).parent == settings.BASE_DIR)
