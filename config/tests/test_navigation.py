"""The main navigation, on the pages below its links."""

import re
from typing import Final

import pytest
from django.conf import settings

from banking import urls
from config.tests.routes import EXPECTED_RESPONSES

# They respond with a part of a page or with a file, or belong to the privacy pages of the menu.
OTHERS: Final = {"sync_progress", "transactions-csv", "withdraw_bank_data"}
PAGES: Final = {
    pattern.name
    for pattern in urls.urlpatterns
    if any(status == "200" for status in EXPECTED_RESPONSES[pattern.name]["owner"].split("/"))
} - OTHERS


@pytest.mark.parametrize("name", sorted(PAGES | {"hosted_return", "oauth_return"}))
def test_it_marks_a_link_on_each_page_about_banks(name: str) -> None:
    header = (settings.BASE_DIR / "templates/ui/header.html").read_text()
    links = [set(re.findall(r"\w+", link)) for link in re.findall(r"{% nav_link (.*?) %}", header)]
    assert sum(name in link for link in links) == 1
