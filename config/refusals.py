"""What is wrong with the settings. Anything in ``problems`` keeps every process from starting."""

from collections.abc import Iterator
from typing import Any

from config.embedded.home import locate

REAL_ENVIRONMENTS = ("sandbox", "production")
CREDENTIALS = ("PLAID_CLIENT_ID", "PLAID_SECRET")


def problems(settings: Any) -> list[str]:
    """Say, one sentence each, why the site cannot run with these settings; empty when it can.

    No sentence shows a value that might be a secret.
    """
    found = [*banks(settings), *embedded_services(settings)]
    if settings.PLAID_ENV in REAL_ENVIRONMENTS and not settings.DEBUG:
        found += [*site(settings)]
    return found


def banks(settings: Any) -> Iterator[str]:
    """Yield what keeps the site from asking the banks that it says it asks."""
    if settings.PLAID_ENV == "embedded":
        yield from local_sandbox(settings)
    elif settings.PLAID_ENV not in REAL_ENVIRONMENTS:
        yield "PLAID_ENV has to be production or sandbox; embedded is for development."
    else:
        for name in CREDENTIALS:
            if not getattr(settings, name):
                yield f"{name} is missing. Plaid's dashboard shows it under Developers, Keys."
    if settings.PLAID_ENV == "production" and settings.DEBUG:
        yield "DEBUG=1 shows strangers how the site works inside. It cannot be used with PLAID_ENV=production."


def local_sandbox(settings: Any) -> Iterator[str]:
    """Yield what keeps the site from using the sandbox program on this machine."""
    if not settings.ALLOW_EMBEDDED:
        yield (
            "PLAID_ENV=embedded shows made-up banks. Set it to production or sandbox, "
            "or set ALLOW_EMBEDDED=1 if that is what this site is for."
        )
    if not settings.PLAID_URL:
        yield "PLAID_ENV=embedded needs PLAID_URL, the sandbox program's address; `make run` sets it."


def embedded_services(settings: Any) -> Iterator[str]:
    """Yield the services of ``make run`` that a hardened site would use: their data may go at any time."""
    if settings.ALLOW_EMBEDDED:
        return
    places = {"DATABASE_URL": settings.DATABASES["default"].get("HOST", ""), "REDIS_URL": settings.REDIS_URL}
    for name, place in places.items():
        if str(locate().sockets) in place:
            yield f"{name} names a service that `make run` started. Name one of your own, or set ALLOW_EMBEDDED=1."


def site(settings: Any) -> Iterator[str]:
    """Yield what people and webhooks need to reach the site."""
    if not settings.PUBLIC_URL.startswith("https://"):
        yield "PUBLIC_URL has to be the https address under which people and webhooks reach the site."
    if not settings.ALLOWED_HOSTS:
        yield "ALLOWED_HOSTS is empty, so that every request would be refused. Name the site's own hosts."
