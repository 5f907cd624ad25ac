"""The locale of formats."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import translation

from formats.locales import active_locale
from formats.money import money


def test_it_uses_the_only_language_of_the_site() -> None:
    with translation.override("es"):
        assert active_locale() == "en_US"


@pytest.fixture
def several_languages(settings: Any) -> Iterator[None]:
    """Run the site with two languages. Django caches its translation functions, so they are reset."""
    settings.LANGUAGES = [("en", "English"), ("es", "Spanish")]
    settings.USE_I18N = True
    with patch.object(translation, "_trans", type(translation._trans)()):
        yield


@pytest.mark.usefixtures("several_languages")
@pytest.mark.parametrize(
    ("language", "locale"), [("es", "es"), ("pt-br", "pt_BR"), ("zh-hans", "zh_Hans"), (None, "en_US")]
)
def test_it_uses_the_active_language_if_there_are_several(language: str | None, locale: str) -> None:
    with translation.override(language):
        assert active_locale() == locale
        assert money(Decimal(1)) == money(Decimal(1), locale=locale)


@pytest.mark.usefixtures("several_languages")
def test_it_changes_with_the_active_language() -> None:
    for language, text in (("en", "$1.00"), ("es", "1,00\xa0US$"), ("en", "$1.00")):
        with translation.override(language):
            assert money(Decimal(1)) == text
