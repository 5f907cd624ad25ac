"""Every address of the site, as the URLconf has it."""

from collections.abc import Iterable, Iterator

from django.urls import URLPattern, URLResolver, get_resolver


def routes(patterns: Iterable[URLPattern | URLResolver] | None = None) -> Iterator[URLPattern]:
    """All routes, those that other packages bring along as well."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns)
        else:
            yield pattern


NAMES = sorted(str(route.name) for route in routes())
