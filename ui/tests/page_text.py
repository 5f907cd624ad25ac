"""Read the text of a page."""

import re
from html import unescape

from django.http import HttpResponse


def page_text(response: HttpResponse) -> str:
    """Return the page with its tags, entities decoded and whitespace collapsed."""
    return _collapse(unescape(response.content.decode()))


def visible_text(response: HttpResponse) -> str:
    """Return the page without its tags, entities decoded and whitespace collapsed."""
    return strip_tags(response.content.decode())


def strip_tags(html: str) -> str:
    """Return the text between the tags, entities decoded and whitespace collapsed."""
    return _collapse(unescape(re.sub(r"<[^>]*>", " ", html)))


def _collapse(text: str) -> str:
    return " ".join(text.split())
