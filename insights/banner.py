"""The one thing about a person's connections that most needs their attention."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from banking.models import Item


@dataclass(frozen=True, slots=True)
class ConnectionBanner:
    """A sentence above the page, and where to go."""

    tone: str
    title: str
    text: str
    url: str
    action: str
    about: str = ""


def most_urgent_banner(items: Sequence[Item]) -> ConnectionBanner | None:
    """What only the person can do comes before an error, and that before figures that are merely old."""
    first_in_state = {item.state: item for item in reversed(items)}
    for state, make in (
        ("reauth", reauth_banner),
        ("repair", repair_banner),
        ("error", error_banner),
        ("stale", stale_banner),
    ):
        if state in first_in_state:
            return make(first_in_state[state])
    return None


def reauth_banner(item: Item) -> ConnectionBanner:
    return ConnectionBanner(
        tone="warn",
        title=f"{item.institution_name} needs you to sign in again.",
        text="Its figures stay as they were last read.",
        url=reverse("reconnect", args=[item.pk]),
        action="Reconnect",
        about=item.institution_name,
    )


def repair_banner(item: Item) -> ConnectionBanner:
    return ConnectionBanner(
        tone="warn",
        title=f"{item.institution_name} has to be connected again.",
        text="Its figures stay as they were last read.",
        url=reverse("reconnect", args=[item.pk]),
        action="Connect again",
        about=item.institution_name,
    )


def error_banner(item: Item) -> ConnectionBanner:
    return ConnectionBanner(
        tone="error",
        title=item.sync_error_message,
        text="Plumbline tries again by itself; there is nothing that you have to do.",
        url=reverse("item", args=[item.pk]),
        action="See its state",
        about=item.institution_name,
    )


def stale_banner(item: Item) -> ConnectionBanner:
    return ConnectionBanner(
        tone="warn",
        title=f"{item.institution_name} has not been read for more than a day.",
        text="Totals that include it say so.",
        url=reverse("item", args=[item.pk]),
        action="See its state",
        about=item.institution_name,
    )
