"""A pseudo-locale that puts each translated sentence in ⟦brackets⟧, and a parser that finds text outside of them."""

import functools
import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any, Final
from unittest.mock import patch

from django.conf import settings
from django.test import override_settings
from django.utils import translation
from django.utils.safestring import SafeData, mark_safe

from config.tests.project_apps import own_apps
from config.tests.unmarked_text import find_words, is_read_attribute

OPENING, CLOSING = "⟦⟧"
UNREAD_ELEMENTS: Final = frozenset(("script", "style"))
# Email addresses, URLs, UUIDs, and the codes of currencies and UTC.
IDENTIFIER: Final = re.compile(
    r"\S+@\S+|https?://\S+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?:USD|EUR|UTC)\b"
)
# Months and times of day are written in Greek, which uses no ASCII letters.
LANGUAGE: Final = ("el", "Greek")
# Names of people, banks and shops are put in Greek letters, so that any ASCII letter on a page is the site's own text.
TO_GREEK: Final = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "αβγδεφηθικλμνοπκρστυβωξψζχΑΒΓΔΕΦΗΘΙΚΛΜΝΟΠΚΡΣΤΥΒΩΞΨΖΧ"
)


def to_greek(text: str) -> str:
    """Replace each ASCII letter by a Greek one."""
    return text.translate(TO_GREEK)


class PseudoTranslations:
    """Replaces the functions behind ``django.utils.translation``: each result stands in brackets.

    The active language is Greek, in which ``formats`` then writes amounts and dates.
    """

    def __init__(self, functions: Any) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._functions, name)

    def get_language(self) -> str:
        return LANGUAGE[0]

    def gettext(self, message: str) -> str:
        return put_in_brackets(self._functions.gettext(message))

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return put_in_brackets(self._functions.ngettext(singular, plural, number))

    def pgettext(self, context: str, message: str) -> str:
        return put_in_brackets(self._functions.pgettext(context, message))

    def npgettext(self, context: str, singular: str, plural: str, number: int) -> str:
        return put_in_brackets(self._functions.npgettext(context, singular, plural, number))


def put_in_brackets(text: str) -> str:
    """Mark a sentence as translated; markup stays markup."""
    marked = f"{OPENING}{text}{CLOSING}" if text else text
    return mark_safe(marked) if isinstance(text, SafeData) else marked  # noqa: S308  (was markup before)


@contextmanager
def pseudo_locale() -> Iterator[None]:
    """Put every translated sentence in brackets. Caches of functions are cleared before and after."""
    clear_remembered_results()
    try:
        languages = override_settings(LANGUAGES=[*settings.LANGUAGES, LANGUAGE])
        with languages, patch.object(translation, "_trans", PseudoTranslations(translation._trans)):
            yield
    finally:
        clear_remembered_results()


def clear_remembered_results() -> None:
    """Clear ``lru_cache`` of all functions of the project."""
    apps = own_apps() | {"ui", "formats"}
    for function in gc.get_objects():
        # Not isinstance, which would evaluate lazy objects.
        if type(function) is functools._lru_cache_wrapper and function.__module__.split(".")[0] in apps:
            function.cache_clear()


def find_untranslated_words(text: str, *, is_html: bool = True) -> list[str]:
    """Return the ASCII words that users read outside of brackets: in visible text and in labels and hints.

    A bracket that is not closed is reported as a word, because it would hide everything behind it.
    """
    reader = _OutsideReader()
    if is_html:
        reader.feed(text)
        reader.close()
    else:
        reader.handle_data(text)
    words = find_words(IDENTIFIER.sub(" ", " ".join(reader.outside)))
    return words + [OPENING] * reader.depth


class _OutsideReader(HTMLParser):
    """Collects text outside of brackets. A sentence in brackets may have elements and other sentences inside.

    An element that names its own language, as a signed text does, stays in that language and is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.outside: list[str] = []
        self._element = ""
        self._value = ""
        self._language_tag = ""
        self._language_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element = tag
        attributes = dict(attrs)
        if "lang" in attributes and tag != "html" and not self._language_depth:
            self._language_tag = tag
        if tag == self._language_tag:
            self._language_depth += 1
        self._value = attributes.get("value") or ""
        for name, value in attrs:
            if value and is_read_attribute(tag, name, attributes):
                self._collect(value, self.depth)

    def handle_endtag(self, tag: str) -> None:
        self._element = ""
        if tag == self._language_tag:
            self._language_depth -= 1
            if not self._language_depth:
                self._language_tag = ""

    def handle_data(self, data: str) -> None:
        # The name of an option in code, such as that of a time zone, is no sentence.
        is_code = self._element == "option" and data.strip() == self._value.replace("_", " ")
        if self._element not in UNREAD_ELEMENTS and not is_code:
            self.depth = self._collect(data, self.depth)

    def _collect(self, text: str, depth: int) -> int:
        """Keep the text outside of brackets, and return how many are open at the end."""
        for piece in re.split(f"([{OPENING}{CLOSING}])", text):
            if piece == OPENING:
                depth += 1
            elif piece == CLOSING:
                depth = max(depth - 1, 0)
            elif not depth and not self._language_depth:
                self.outside.append(piece)
        return depth
