"""Check, at ``manage.py check --deploy``, that translations keep the placeholders of their originals."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.pofile import PoFileError
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from config.translations.catalogs import find_placeholder_errors


@register(Tags.translation, deploy=True)
def check_placeholders(**_: Any) -> list[CheckMessage]:
    """Report translations that would show a page without a value, or fail to render it."""
    hint = "Copy the placeholders from the original sentence, letter by letter, into each plural form."
    return [Error(error, hint=hint, id="plumbline.E016") for path in _find_catalogs() for error in _find_errors(path)]


def _find_catalogs() -> Iterator[Path]:
    for folder in settings.LOCALE_PATHS:
        yield from sorted(Path(folder).rglob("*.po"))


def _find_errors(path: Path) -> list[str]:
    try:
        return list(find_placeholder_errors(path))
    except (PoFileError, ValueError) as error:
        return [f"{path}: {error}"]
