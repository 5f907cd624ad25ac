"""The active language, and the locale of its formats."""

from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.translation import get_language, to_locale


def active_locale() -> str:
    """Return the locale of the active language, such as ``en_US`` or ``es``."""
    return fixed_locale() or to_locale(get_language() or settings.LANGUAGE_CODE)


def active_language() -> str:
    """Return the code of the active language, such as ``en`` or ``es``, for the ``lang`` of a page."""
    if len(settings.LANGUAGES) == 1:
        return str(settings.LANGUAGES[0][0])
    return get_language() or settings.LANGUAGE_CODE


@cache
def fixed_locale() -> str:
    """Return the locale of a site with one language, or "" if the site has several.

    Django takes four microseconds to return the active language, several times as long as formatting an amount.
    """
    return to_locale(settings.LANGUAGE_CODE) if len(settings.LANGUAGES) == 1 else ""


@receiver(setting_changed)
def forget_fixed_locale(*, setting: str, **_kwargs: Any) -> None:
    """Clear the cache when a test changes the languages."""
    if setting in ("LANGUAGES", "LANGUAGE_CODE"):
        fixed_locale.cache_clear()
