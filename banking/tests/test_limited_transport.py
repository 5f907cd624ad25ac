"""Plaid's calls within the limits: they wait a little, or are not made."""

from types import SimpleNamespace
from uuid import uuid4

import pytest

from banking.limits.call_limits import SECOND, CallLimits
from banking.limits.rates import Caller, Limits, Rate
from banking.plaid.deadline import DeadlineTransport
from banking.plaid.limits.limited_transport import LimitedTransport
from banking.provider import Priority, RateLimited

ITEM = Caller("item-1", "ins_1", Priority.ROUTINE)
LIMITS = {"accounts_get": Limits(item=Rate(burst=1, interval=3 * SECOND))}


class ScriptedTransport:
    """Records the calls; raises ``error`` if there is one."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.error: Exception | None = None

    def post(self, endpoint: str, fields: dict[str, object], *, seconds: float) -> bytes:
        self.calls.append(endpoint)
        if self.error is not None:
            raise self.error
        return b"{}"


class MovableLimits(CallLimits):
    """Limits whose time a test moves: sleeping does."""

    now = 1_795_000_000 * SECOND

    def take(self, *args: object, **options: object) -> object:
        return super().take(*args, **{**options, "now": self.now})

    def park(self, *args: object, **options: object) -> None:
        super().park(*args, **{**options, "now": self.now})

    def sleep(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@pytest.fixture
def site() -> SimpleNamespace:
    plaid, limits = ScriptedTransport(), MovableLimits(f"test-{uuid4()}")
    transport = LimitedTransport(plaid, limits, LIMITS, sleep=limits.sleep)
    return SimpleNamespace(plaid=plaid, limits=limits, transport=transport)


def post(transport: LimitedTransport | DeadlineTransport, seconds: float = 30) -> bytes:
    return transport.post("accounts_get", {}, seconds=seconds)


def test_it_waits_for_the_items_turn(site: SimpleNamespace) -> None:
    started_at, client = site.limits.now, site.transport.for_caller(ITEM)
    for _ in range(3):
        post(client)
    assert 6 * SECOND <= site.limits.now - started_at <= 7.2 * SECOND
    post(site.transport.for_caller(Caller("item-2")))
    post(site.transport)
    assert len(site.plaid.calls) == 5


def test_it_makes_no_call_when_the_wait_is_too_long(site: SimpleNamespace) -> None:
    client = DeadlineTransport(site.transport, response=2, total=60).for_caller(ITEM)
    post(client)
    with pytest.raises(RateLimited) as error:
        post(client)
    assert (error.value.code, error.value.scope, error.value.retry_after) == ("NOT_CALLED", "item", 15)
    assert len(site.plaid.calls) == 1


def test_it_parks_what_plaid_refuses(site: SimpleNamespace) -> None:
    site.plaid.error = RateLimited("INSTITUTION_RATE_LIMIT", scope="institution", retry_after=60)
    for item in ("item-1", "item-2"):
        with pytest.raises(RateLimited) as error:
            post(site.transport.for_caller(Caller(item, "ins_1")))
        assert error.value.scope == "institution"
    assert len(site.plaid.calls) == 1
    assert 60 <= error.value.retry_after <= 72
