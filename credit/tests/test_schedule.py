"""A person's own day: one report a month whatever comes in between, and never one too soon."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from compliance.isolation import tenant
from credit.enrollment import lifecycle, schedule, transitions
from credit.enrollment.schedule import NextPull, next_due_day, next_pull
from credit.models import RawReport, Trigger
from credit.provider import BureauUnavailable
from credit.report import ReportStatus
from credit.tests.pull_steps import enroll_user, get_enrollment, pull

pytestmark = pytest.mark.dates

MIDNIGHT = UUID(int=0)
NOON = UUID(int=12 * 60 * 60)
NOW = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
PERIOD = timedelta(days=30)


def midnight(*day):
    return datetime(*day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "after", "found"),
    [
        (15, datetime(2027, 1, 15, 8, tzinfo=UTC), midnight(2027, 2, 15)),
        (31, NOW, midnight(2027, 2, 28)),
        (31, midnight(2028, 1, 31), midnight(2028, 2, 29)),
        (31, midnight(2027, 2, 28), midnight(2027, 3, 31)),
        (30, midnight(2027, 12, 30), midnight(2028, 1, 30)),
    ],
)
def test_it_comes_on_the_persons_own_day_of_the_next_month(day, after, found):
    assert next_pull(owner=MIDNIGHT, day=day, after=after) == (found.date(), found)
    assert next_pull(owner=NOON, day=day, after=after) == (found.date(), found + timedelta(hours=12))


def test_it_never_comes_before_the_period_is_over():
    assert next_pull(owner=MIDNIGHT, day=31, after=NOW, earliest=NOW + PERIOD).at == NOW + PERIOD
    assert next_pull(owner=MIDNIGHT, day=31, after=NOW, earliest=NOW).at == midnight(2027, 2, 28)


def test_it_spreads_people_over_the_day():
    hours = {next_pull(owner=UUID(int=n * 7919), day=1, after=NOW).at.hour for n in range(2000)}
    assert hours == set(range(24))


def test_it_counts_the_period_by_the_settings(settings):
    settings.CREDIT_REFRESH_DAYS = 7
    assert schedule.refresh_interval() == timedelta(days=7)


# --- Which month a report is for ----------------------------------------------------------------------------


def test_it_loses_no_month_to_a_report_that_came_late():
    made_at = datetime(2027, 2, 1, 12, tzinfo=UTC)
    found = next_pull(owner=NOON, day=29, after=made_at, due_on=date(2027, 1, 29), earliest=made_at + PERIOD)
    assert found == (date(2027, 2, 28), datetime(2027, 3, 3, 12, tzinfo=UTC))


def test_it_loses_no_month_to_a_failure_that_lasted_into_the_next():
    failed_at = datetime(2027, 2, 1, 3, tzinfo=UTC)
    assert next_pull(owner=NOON, day=31, after=failed_at, due_on=date(2027, 1, 31)).due_on == date(2027, 2, 28)


def test_it_takes_a_report_of_the_day_before_for_that_of_the_day():
    made_at = datetime(2027, 1, 14, 8, tzinfo=UTC)
    found = next_pull(owner=NOON, day=15, after=made_at, due_on=date(2027, 1, 15), earliest=made_at + PERIOD)
    assert found == (date(2027, 2, 15), datetime(2027, 2, 15, 12, tzinfo=UTC))


def test_it_keeps_the_own_day_that_an_early_report_leaves_room_for():
    made_at = datetime(2027, 1, 22, 8, tzinfo=UTC)
    found = next_pull(owner=NOON, day=15, after=made_at, due_on=date(2027, 2, 15), earliest=made_at + timedelta(days=7))
    assert found.due_on == date(2027, 2, 15)


USER_IDS = st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number))
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=7 * 365)).map(lambda since: midnight(2026, 1, 1) + since)
# How long after its time the clock gets there: mostly at once, sometimes after an outage of weeks or months.
DELAYS = st.one_of(
    st.timedeltas(timedelta(0), timedelta(minutes=5)),
    st.timedeltas(timedelta(0), timedelta(days=8)),
    st.timedeltas(timedelta(0), timedelta(days=100)),
)
# A year of reports: the clock's, with its delay, or the person's, by its share of the time in which they may ask.
REPORTS = st.lists(st.one_of(DELAYS, st.floats(0, 1)), min_size=12, max_size=12)


@given(USER_IDS, MOMENTS, REPORTS, st.sampled_from([1, 7, 20, 28, 30, 31]))
def test_it_skips_no_month_and_makes_no_two_in_a_period(owner, first, reports, days):
    period = timedelta(days=days)
    made_at, due_on = first, None
    for how in reports:
        following = next_pull(owner=owner, day=first.day, after=made_at, due_on=due_on, earliest=made_at + period)
        holds(following, made_at, due_on, first.day, period)
        allowed = made_at + period
        made_at = following.at + how if isinstance(how, timedelta) else allowed + (following.at - allowed) * how
        due_on = following.due_on


def holds(following, made_at, due_on, day, period):
    """Each own day between two that reports are made for was over when the first of them was made."""
    assert following.at >= made_at + period
    assert following.due_on > made_at.date() or following.due_on == due_on
    own, missed = due_on or made_at.date(), []
    while (own := next_due_day(own, day)) < following.due_on:
        missed.append(own)
    assert all(each <= made_at.date() for each in missed)
    opens = datetime.combine(following.due_on, time(), UTC)
    assert opens <= following.at < max(opens + timedelta(days=1), made_at + period + timedelta(seconds=1))


@given(MOMENTS, st.integers(1, 31))
def test_it_finds_an_own_day_in_each_month(moment, day):
    found = next_due_day(moment.date(), day)
    assert 1 <= (found - moment.date()).days <= 31
    assert found.day == day or (found.day < day and (found + timedelta(days=1)).day == 1)


# --- The month in the tables --------------------------------------------------------------------------------


def late_december():
    """Noon of the next 29 December that lies ahead, so that the clock may be moved there."""
    now = timezone.now()
    this_year = datetime(now.year, 12, 29, 12, tzinfo=UTC)
    return this_year if now < this_year else this_year.replace(year=now.year + 1)


def first_report(days, user):
    """Make a person's first report on a 29 December; the next is due on 29 January."""
    begins = late_december()
    days.advance_to(begins)
    enroll_user(user)
    pull(user)
    assert get_enrollment(user).due_on == date(begins.year + 1, 1, 29)
    return begins.year + 1


def newest_made_at(user):
    with tenant(user.pk):
        return RawReport.objects.latest("fetched_at").fetched_at


def february(year):
    return date(year, 3, 1) - timedelta(days=1)


@pytest.mark.django_db(transaction=True)
def test_it_asks_for_february_after_january_came_in_february(days, alice):
    year = first_report(days, alice)
    days.advance_to(datetime(year, 2, 1, 12, tzinfo=UTC))
    pull(alice, Trigger.SCHEDULED)
    following = get_enrollment(alice)
    assert (following.due_on, following.next_pull_at) == (february(year), newest_made_at(alice) + PERIOD)
    days.advance_to(following.next_pull_at)
    pull(alice, Trigger.SCHEDULED)
    assert get_enrollment(alice).due_on == date(year, 3, 29)


@pytest.mark.django_db(transaction=True)
def test_it_remembers_the_month_over_retries_and_until_the_person_asks(days, alice, site_bureau):
    year = first_report(days, alice)
    for _ in range(4):
        days.advance_to(get_enrollment(alice).next_pull_at)
        site_bureau.fault("error", name="unavailable")
        with pytest.raises(BureauUnavailable):
            pull(alice, Trigger.SCHEDULED)
    waiting = get_enrollment(alice)
    assert (waiting.due_on, waiting.next_pull_at.date()) == (date(year, 1, 29), february(year))
    days.advance_to(datetime(year, 2, 3, 12, tzinfo=UTC))
    pull(alice)
    following = get_enrollment(alice)
    assert (following.due_on, following.next_pull_at) == (february(year), newest_made_at(alice) + PERIOD)


@pytest.mark.django_db(transaction=True)
def test_it_makes_one_report_after_an_outage_of_months_and_goes_on(days, alice, site_bureau):
    year = first_report(days, alice)
    days.advance_to(datetime(year, 4, 10, 12, tzinfo=UTC))
    pull(alice, Trigger.SCHEDULED)
    following = get_enrollment(alice)
    assert (following.due_on, following.next_pull_at) == (date(year, 4, 29), newest_made_at(alice) + PERIOD)
    assert site_bureau.count_reports_made() == 2


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_with_the_months_of_a_person_who_left_and_comes_back(days, alice):
    year = first_report(days, alice)
    days.advance_to(datetime(year, 1, 10, 12, tzinfo=UTC))
    lifecycle.withdraw_enrollment(user=alice)
    enroll_user(alice)
    days.advance_to(get_enrollment(alice).next_pull_at)
    pull(alice, Trigger.SCHEDULED)
    assert get_enrollment(alice).due_on == february(year)


@pytest.mark.django_db(transaction=True)
def test_it_settles_a_report_twice_and_loses_no_month(days, alice):
    year = first_report(days, alice)
    days.advance_to(datetime(year, 2, 1, 12, tzinfo=UTC))
    pull(alice, Trigger.SCHEDULED)
    with tenant(alice.pk):
        raw = RawReport.objects.select_related("attempt").latest("fetched_at")
        enrollment = lifecycle.lock_enrollment(alice.pk)
        before = NextPull(enrollment.due_on, enrollment.next_pull_at)
        transitions.complete_report(
            enrollment,
            ReportStatus.READY,
            fetched_at=raw.fetched_at,
            now=raw.fetched_at,
            due_on=raw.attempt.due_on,
        )
        assert (enrollment.due_on, enrollment.next_pull_at) == before
