"""The pause of a bank that does not respond. Times are in microseconds, counted from a moment of 2026."""

from uuid import uuid4

import pytest

from banking.limits.call_limits import SECOND
from banking.limits.institution_breaker import (
    FAILED_ITEMS,
    FIRST_PAUSE,
    PROBE_TIME,
    InstitutionBreaker,
    InstitutionPaused,
    list_paused_institutions,
)
from banking.provider import InstitutionDown, LoginRequired

START = 1_795_000_000 * SECOND


@pytest.fixture
def environment() -> str:
    return f"test-{uuid4()}"


@pytest.fixture
def breaker(environment: str) -> InstitutionBreaker:
    return InstitutionBreaker(environment, "ins_1")


def fail_items(breaker: InstitutionBreaker, count: int, *, now: int = START) -> None:
    for number in range(count):
        breaker.record_failure(f"item-{number}", now=now)


def may_enter(breaker: InstitutionBreaker, item: str, now: int) -> bool:
    try:
        breaker.enter(item, now=now)
    except InstitutionPaused:
        return False
    return True


def test_it_pauses_a_bank_that_failed_for_several_items(breaker: InstitutionBreaker, environment: str) -> None:
    fail_items(breaker, FAILED_ITEMS - 1)
    fail_items(breaker, FAILED_ITEMS - 1)
    assert may_enter(breaker, "item-9", START)
    breaker.record_failure("item-4", now=START)
    with pytest.raises(InstitutionPaused) as paused:
        breaker.enter("item-9", now=START)
    assert paused.value.retry_after == FIRST_PAUSE / SECOND
    assert [bank.name for bank in list_paused_institutions(environment)] == ["ins_1"]
    assert may_enter(InstitutionBreaker(environment, "ins_2"), "item-9", START)


def test_it_does_not_pause_for_failures_hours_apart_or_before_a_success(breaker: InstitutionBreaker) -> None:
    for number in range(2 * FAILED_ITEMS):
        breaker.record_failure(f"item-{number}", now=START + number * 3600 * SECOND)
    late = START + 24 * 3600 * SECOND
    fail_items(breaker, FAILED_ITEMS - 1, now=late)
    breaker.record_success("item-9", now=late)
    breaker.record_failure("item-4", now=late)
    assert may_enter(breaker, "item-9", late)


def test_it_lets_one_item_at_a_time_probe_until_one_succeeds(breaker: InstitutionBreaker, environment: str) -> None:
    fail_items(breaker, FAILED_ITEMS)
    first_probe = START + FIRST_PAUSE
    assert [may_enter(breaker, item, first_probe) for item in ("a", "b", "a")] == [True, False, True]
    # A failed probe doubles the pause; a probe whose worker died is replaced by another one.
    breaker.record_failure("a", now=first_probe)
    assert not may_enter(breaker, "a", first_probe + FIRST_PAUSE + SECOND)
    second_probe = first_probe + 2 * FIRST_PAUSE
    assert [may_enter(breaker, item, second_probe) for item in ("b", "c")] == [True, False]
    assert may_enter(breaker, "c", second_probe + PROBE_TIME)
    breaker.record_success("c", now=second_probe + PROBE_TIME)
    assert [may_enter(breaker, item, second_probe + PROBE_TIME) for item in ("a", "b")] == [True, True]
    assert list_paused_institutions(environment) == []


def test_it_counts_only_errors_of_the_bank(breaker: InstitutionBreaker) -> None:
    def is_failure(error: Exception) -> bool:
        return isinstance(error, InstitutionDown)

    for error in [LoginRequired("ITEM_LOGIN_REQUIRED")] * FAILED_ITEMS + [InstitutionDown("INSTITUTION_DOWN")]:
        with pytest.raises(type(error)), breaker.guard(str(uuid4()), is_failure=is_failure):
            raise error
    for _ in range(FAILED_ITEMS - 1):
        with pytest.raises(InstitutionDown), breaker.guard(str(uuid4()), is_failure=is_failure):
            raise InstitutionDown("INSTITUTION_DOWN")
    with pytest.raises(InstitutionPaused), breaker.guard("item", is_failure=is_failure):
        pass
