"""URLs of pages, resolved once in each process."""

from functools import lru_cache
from uuid import UUID

from django.urls import reverse


@lru_cache(maxsize=4096)
def page_url(name: str, *arguments: UUID | str) -> str:
    """Return the URL of a page by the name of its route. Raises ``NoReverseMatch``.

    Django's ``reverse`` takes 15 microseconds, and an overview has 17 URLs: 3 percent of its CPU time.
    """
    return reverse(name, args=arguments)
