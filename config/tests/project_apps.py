"""The apps of this checkout, found by where they lie: a new one is looked at by every test that goes through all."""

from pathlib import Path

from django.apps import apps
from django.conf import settings


def own_apps() -> frozenset[str]:
    """Their labels; what is installed beside them is not ours."""
    return frozenset(app.label for app in apps.get_app_configs() if Path(app.path).parent == settings.BASE_DIR)
