from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from banking.models import Connection, Item
from banking.provider import Readiness
from insights.banner import most_urgent_banner

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def build_item(name: str, **fields: object) -> Item:
    synced = {"readiness": Readiness.HISTORICAL, "checked_at": NOW}
    return Item(environment="embedded", institution_name=name, **synced | fields)


FRESH = build_item("Fresh")
LOADING = build_item("Loading", readiness=Readiness.INITIAL)
STALE = build_item("Stale", checked_at=NOW - timedelta(days=1))
ERROR = build_item("Error", failures=1)
REAUTH = build_item("Reauth", connection=Connection.LOGIN_REQUIRED)
CONSENT = build_item("Consent", connection=Connection.NEEDS_CONSENT)
EXPIRING = build_item("Expiring", expires_at=NOW + timedelta(days=3))
REVOKED = build_item("Revoked", connection=Connection.REVOKED)


@pytest.mark.parametrize(
    ("items", "name"),
    [
        ([], None),
        ([FRESH, LOADING], None),
        ([FRESH, STALE], "Stale"),
        ([STALE, ERROR], "Error"),
        ([STALE, ERROR, REAUTH, CONSENT], "Reauth"),
        ([CONSENT, REAUTH], "Consent"),
        ([STALE, ERROR, EXPIRING], "Expiring"),
        ([EXPIRING, REAUTH], "Reauth"),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_it_names_the_connection_that_most_needs_attention(items: list[Item], name: str | None) -> None:
    banner = most_urgent_banner(items)
    assert (banner and banner.about) == name
    assert banner is None or name in banner.title


@pytest.mark.parametrize(
    ("item", "tone", "path"),
    [
        (REAUTH, "warn", "/reconnect/"),
        (EXPIRING, "warn", "/reconnect/"),
        (ERROR, "error", "/bank-accounts/"),
        (STALE, "warn", "/bank-accounts/"),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_it_links_to_the_connection(item: Item, tone: str, path: str) -> None:
    banner = most_urgent_banner([item])
    assert banner.tone == tone
    assert path in banner.url
    assert str(item.pk) in banner.url
    assert banner.title.endswith(".")
    assert banner.text.endswith(".")
    assert not banner.action.endswith(".")
