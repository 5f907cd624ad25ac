"""When emails are sent, in the user's local time, also on the days when the clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.notifications.delivery_schedule import DeliverySchedule, Frequency

pytestmark = pytest.mark.dates

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = {"quiet_hours_start": time(22), "quiet_hours_end": time(7)}
# Zones whose clocks change by an hour at night, by half an hour, at midnight, and not at all.
ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata", "UTC"]

local_times = st.times().map(lambda local_time: local_time.replace(second=0, microsecond=0))
# Two years, with both changes of the clocks on both hemispheres.
START = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), timedelta(days=730)).map(lambda passed: START + passed)
delivery_schedules = st.builds(
    DeliverySchedule,
    time_zone=st.sampled_from(ZONES).map(ZoneInfo),
    frequency=st.sampled_from(Frequency),
    quiet_hours_start=st.none() | local_times,
    quiet_hours_end=st.none() | local_times,
)


def utc(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local_time(moment: datetime, time_zone: ZoneInfo = NEW_YORK) -> str:
    return moment.astimezone(time_zone).strftime("%a %d %H:%M %Z")


@given(delivery_schedule=delivery_schedules, moment=moments)
def test_it_delivers_outside_of_quiet_hours_and_not_before_the_event(
    delivery_schedule: DeliverySchedule, moment: datetime
) -> None:
    delivery = delivery_schedule.next_delivery(moment)
    assert delivery >= moment
    assert not delivery_schedule.in_quiet_hours(delivery)
    assert delivery - moment <= timedelta(days=9)


@given(time_zone=st.sampled_from(ZONES).map(ZoneInfo), since=local_times, until=local_times, moment=moments)
def test_it_waits_no_longer_than_the_quiet_hours_last(
    time_zone: ZoneInfo, since: time, until: time, moment: datetime
) -> None:
    delivery_schedule = DeliverySchedule(time_zone, Frequency.IMMEDIATE, since, until)
    delivery = delivery_schedule.next_delivery(moment)
    minutes = (delivery - moment) // timedelta(minutes=1)
    # Checked for each minute in between, by the definition of quiet hours only.
    assert all(delivery_schedule.in_quiet_hours(moment + timedelta(minutes=minute)) for minute in range(minutes))


@given(time_zone=st.sampled_from(ZONES).map(ZoneInfo), moment=moments)
def test_it_delivers_digests_in_the_morning(time_zone: ZoneInfo, moment: datetime) -> None:
    daily, weekly = (
        DeliverySchedule(time_zone, frequency).next_delivery(moment).astimezone(time_zone)
        for frequency in (Frequency.DAILY, Frequency.WEEKLY)
    )
    assert daily.time() == weekly.time() == time(8)
    assert weekly.weekday() == 0
    assert daily - moment <= timedelta(hours=25)
    assert weekly - moment <= timedelta(days=7, hours=1)


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [("21:59", False), ("22:00", True), ("23:59", True), ("00:00", True), ("06:59", True), ("07:00", False)],
)
def test_it_is_quiet_across_midnight(clock: str, quiet: bool) -> None:
    assert DeliverySchedule(ZoneInfo("UTC"), **NIGHT).in_quiet_hours(utc(f"2026-11-22T{clock}")) is quiet


@pytest.mark.parametrize(("clock", "quiet"), [("12:59", False), ("13:00", True), ("14:00", False)])
def test_it_is_quiet_within_a_day(clock: str, quiet: bool) -> None:
    delivery_schedule = DeliverySchedule(ZoneInfo("UTC"), quiet_hours_start=time(13), quiet_hours_end=time(14))
    assert delivery_schedule.in_quiet_hours(utc(f"2026-11-22T{clock}")) is quiet


@pytest.mark.parametrize(
    "hours", [{}, {"quiet_hours_start": time(9)}, {"quiet_hours_start": time(9), "quiet_hours_end": time(9)}]
)
def test_it_has_no_quiet_hours_without_two_different_times(hours: dict[str, time]) -> None:
    delivery_schedule = DeliverySchedule(ZoneInfo("UTC"), **hours)
    assert delivery_schedule.next_delivery(utc("2026-11-22T09:00")) == utc("2026-11-22T09:00")


def test_it_ends_quiet_hours_in_local_time_when_clocks_go_forward() -> None:
    # March 8, 2026: after 2 a.m. it is 3 a.m., so the night is an hour shorter.
    delivery = DeliverySchedule(NEW_YORK, **NIGHT).next_delivery(utc("2026-03-08T04:00"))
    assert delivery == utc("2026-03-08T11:00")
    assert local_time(delivery) == "Sun 08 07:00 EDT"


def test_it_ends_quiet_hours_in_local_time_when_clocks_go_back() -> None:
    delivery = DeliverySchedule(NEW_YORK, **NIGHT).next_delivery(utc("2026-11-01T04:00"))
    assert delivery == utc("2026-11-01T12:00")
    assert local_time(delivery) == "Sun 01 07:00 EST"


def test_it_delivers_if_quiet_hours_end_at_a_local_time_that_is_skipped() -> None:
    delivery_schedule = DeliverySchedule(NEW_YORK, quiet_hours_start=time(22), quiet_hours_end=time(2, 30))
    assert local_time(delivery_schedule.next_delivery(utc("2026-03-08T06:59"))) == "Sun 08 03:30 EDT"


def test_it_is_quiet_again_in_the_hour_that_is_repeated() -> None:
    delivery_schedule = DeliverySchedule(NEW_YORK, quiet_hours_start=time(22), quiet_hours_end=time(1, 30))
    # 1:10 a.m., first in summer time and an hour later in winter time.
    assert local_time(delivery_schedule.next_delivery(utc("2026-11-01T05:10"))) == "Sun 01 01:30 EDT"
    assert local_time(delivery_schedule.next_delivery(utc("2026-11-01T06:10"))) == "Sun 01 01:30 EST"


def test_it_delays_a_digest_until_quiet_hours_end() -> None:
    delivery_schedule = DeliverySchedule(NEW_YORK, Frequency.WEEKLY, time(22), time(9))
    assert local_time(delivery_schedule.next_delivery(utc("2026-11-22T20:00"))) == "Mon 23 09:00 EST"
