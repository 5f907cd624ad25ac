"""Delays between retries grow and are spread, so that retries do not come all at once."""

from datetime import timedelta

import pytest

from compliance.backoff import add_jitter, exponential_delay

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("retries", "minutes"), [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (7, 60), (1_000, 60), (10**9, 60)]
)
def test_it_doubles_up_to_the_maximum(retries: int, minutes: int) -> None:
    assert exponential_delay(MINUTE, retries, maximum=HOUR) == timedelta(minutes=minutes)


def test_it_applies_a_maximum_that_is_shorter_than_the_first_delay() -> None:
    assert exponential_delay(HOUR, 0, maximum=MINUTE) == MINUTE


def test_it_never_shortens_a_delay_by_default() -> None:
    delays = {add_jitter(HOUR) for _ in range(200)}
    assert len(delays) > 100
    assert all(HOUR <= delay <= HOUR * 1.2 for delay in delays)


def test_it_shortens_and_extends_a_delay_if_allowed() -> None:
    delays = [add_jitter(HOUR, earlier=0.5, later=0.1) for _ in range(200)]
    assert min(delays) < HOUR < max(delays)
    assert all(HOUR * 0.5 <= delay <= HOUR * 1.1 for delay in delays)
