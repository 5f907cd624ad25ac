"""The user's pull day: one report a month whatever happens in between, and none before the refresh period is over."""

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
    ("day", "after", "expected"),
    [
        (15, datetime(2027, 1, 15, 8, tzinfo=UTC), midnight(2027, 2, 15)),
        (31, NOW, midnight(2027, 2, 28)),
        (31, midnight(2028, 1, 31), midnight(2028, 2, 29)),
        (31, midnight(2027, 2, 28), midnight(2027, 3, 31)),
        (30, midnight(2027, 12, 30), midnight(2028, 1, 30)),
    ],
)
def test_it_is_due_on_the_users_pull_day_of_the_next_month(day, after, expected):
    assert next_pull(owner=MIDNIGHT, day=day, after=after) == (expected.date(), expected)
    assert next_pull(owner=NOON, day=day, after=after) == (expected.date(), expected + timedelta(hours=12))


def test_it_is_never_due_before_the_period_is_over():
    assert next_pull(owner=MIDNIGHT, day=31, after=NOW, earliest=NOW + PERIOD).at == NOW + PERIOD
    assert next_pull(owner=MIDNIGHT, day=31, after=NOW, earliest=NOW).at == midnight(2027, 2, 28)


def test_it_spreads_users_over_the_hours_of_the_day():
    hours = {next_pull(owner=UUID(int=n * 7919), day=1, after=NOW).at.hour for n in range(2000)}
    assert hours == set(range(24))


def test_it_takes_the_period_from_the_settings(settings):
    settings.CREDIT_REFRESH_DAYS = 7
    assert schedule.refresh_interval() == timedelta(days=7)


# --- The month that a report is for -------------------------------------------------------------------------


def test_it_skips_no_month_after_a_late_report():
    made_at = datetime(2027, 2, 1, 12, tzinfo=UTC)
    following = next_pull(owner=NOON, day=29, after=made_at, due_on=date(2027, 1, 29), earliest=made_at + PERIOD)
    assert following == (date(2027, 2, 28), datetime(2027, 3, 3, 12, tzinfo=UTC))


def test_it_skips_no_month_after_a_failure_that_lasted_into_the_next_month():
    failed_at = datetime(2027, 2, 1, 3, tzinfo=UTC)
    assert next_pull(owner=NOON, day=31, after=failed_at, due_on=date(2027, 1, 31)).due_on == date(2027, 2, 28)


def test_it_counts_a_report_of_the_day_before_for_the_due_day():
    made_at = datetime(2027, 1, 14, 8, tzinfo=UTC)
    following = next_pull(owner=NOON, day=15, after=made_at, due_on=date(2027, 1, 15), earliest=made_at + PERIOD)
    assert following == (date(2027, 2, 15), datetime(2027, 2, 15, 12, tzinfo=UTC))


def test_it_keeps_the_pull_day_when_an_early_report_leaves_time():
    made_at = datetime(2027, 1, 22, 8, tzinfo=UTC)
    following = next_pull(
        owner=NOON, day=15, after=made_at, due_on=date(2027, 2, 15), earliest=made_at + timedelta(days=7)
    )
    assert following.due_on == date(2027, 2, 15)


USER_IDS = st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number))
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=7 * 365)).map(lambda since: midnight(2026, 1, 1) + since)
# How late a scheduled pull runs: mostly at once, sometimes after an outage of weeks or months.
DELAYS = st.one_of(
    st.timedeltas(timedelta(0), timedelta(minutes=5)),
    st.timedeltas(timedelta(0), timedelta(days=8)),
    st.timedeltas(timedelta(0), timedelta(days=100)),
)
# A year of reports: a scheduled one with its delay, or one that the user requests, as a share of the allowed time.
REPORTS = st.lists(st.one_of(DELAYS, st.floats(0, 1)), min_size=12, max_size=12)


@given(USER_IDS, MOMENTS, REPORTS, st.sampled_from([1, 7, 20, 28, 30, 31]))
def test_it_skips_no_month_and_makes_at_most_one_report_in_a_period(owner, first, reports, days):
    period = timedelta(days=days)
    made_at, due_on = first, None
    for delay_or_share in reports:
        following = next_pull(owner=owner, day=first.day, after=made_at, due_on=due_on, earliest=made_at + period)
        assert_no_month_skipped(following, made_at, due_on, first.day, period)
        allowed = made_at + period
        made_at = (
            following.at + delay_or_share
            if isinstance(delay_or_share, timedelta)
            else allowed + (following.at - allowed) * delay_or_share
        )
        due_on = following.due_on


def assert_no_month_skipped(following, made_at, due_on, day, period):
    """Every due day that is skipped was already over when the last report was made."""
    assert following.at >= made_at + period
    assert following.due_on > made_at.date() or following.due_on == due_on
    due_day, skipped = due_on or made_at.date(), []
    while (due_day := next_due_day(due_day, day)) < following.due_on:
        skipped.append(due_day)
    assert all(skipped_day <= made_at.date() for skipped_day in skipped)
    starts_at = datetime.combine(following.due_on, time(), UTC)
    assert starts_at <= following.at < max(starts_at + timedelta(days=1), made_at + period + timedelta(seconds=1))


@given(MOMENTS, st.integers(1, 31))
def test_it_finds_a_due_day_in_each_month(moment, day):
    due_day = next_due_day(moment.date(), day)
    assert 1 <= (due_day - moment.date()).days <= 31
    assert due_day.day == day or (due_day.day < day and (due_day + timedelta(days=1)).day == 1)


# --- The month in the database ------------------------------------------------------------------------------


def get_next_late_december():
    """Noon of the next December 29, to which the tests move the clock."""
    now = timezone.now()
    this_year = datetime(now.year, 12, 29, 12, tzinfo=UTC)
    return this_year if now < this_year else this_year.replace(year=now.year + 1)


def make_first_report(days, user):
    """Make the user's first report on December 29, and return the year in which the next is due on January 29."""
    starts_at = get_next_late_december()
    days.advance_to(starts_at)
    enroll_user(user)
    pull(user)
    assert get_enrollment(user).due_on == date(starts_at.year + 1, 1, 29)
    return starts_at.year + 1


def get_latest_report_time(user):
    with tenant(user.pk):
        return RawReport.objects.latest("fetched_at").fetched_at


def last_day_of_february(year):
    return date(year, 3, 1) - timedelta(days=1)


@pytest.mark.django_db(transaction=True)
def test_it_is_due_for_february_after_the_january_report_came_in_february(days, alice):
    year = make_first_report(days, alice)
    days.advance_to(datetime(year, 2, 1, 12, tzinfo=UTC))
    pull(alice, Trigger.SCHEDULED)
    enrollment = get_enrollment(alice)
    assert (enrollment.due_on, enrollment.next_pull_at) == (
        last_day_of_february(year),
        get_latest_report_time(alice) + PERIOD,
    )
    days.advance_to(enrollment.next_pull_at)
    pull(alice, Trigger.SCHEDULED)
    assert get_enrollment(alice).due_on == date(year, 3, 29)


@pytest.mark.django_db(transaction=True)
def test_it_remembers_the_due_month_over_retries_until_the_user_requests(days, alice, site_bureau):
    year = make_first_report(days, alice)
    for _ in range(4):
        days.advance_to(get_enrollment(alice).next_pull_at)
        site_bureau.fault("error", name="unavailable")
        with pytest.raises(BureauUnavailable):
            pull(alice, Trigger.SCHEDULED)
    retrying = get_enrollment(alice)
    assert (retrying.due_on, retrying.next_pull_at.date()) == (date(year, 1, 29), last_day_of_february(year))
    days.advance_to(datetime(year, 2, 3, 12, tzinfo=UTC))
    pull(alice)
    enrollment = get_enrollment(alice)
    assert (enrollment.due_on, enrollment.next_pull_at) == (
        last_day_of_february(year),
        get_latest_report_time(alice) + PERIOD,
    )


@pytest.mark.django_db(transaction=True)
def test_it_makes_one_report_after_an_outage_of_months_and_continues(days, alice, site_bureau):
    year = make_first_report(days, alice)
    days.advance_to(datetime(year, 4, 10, 12, tzinfo=UTC))
    pull(alice, Trigger.SCHEDULED)
    enrollment = get_enrollment(alice)
    assert (enrollment.due_on, enrollment.next_pull_at) == (date(year, 4, 29), get_latest_report_time(alice) + PERIOD)
    assert site_bureau.count_reports_made() == 2


@pytest.mark.django_db(transaction=True)
def test_it_continues_the_months_of_a_user_who_withdrew_and_enrolled_again(days, alice):
    year = make_first_report(days, alice)
    days.advance_to(datetime(year, 1, 10, 12, tzinfo=UTC))
    lifecycle.withdraw_enrollment(user=alice)
    enroll_user(alice)
    days.advance_to(get_enrollment(alice).next_pull_at)
    pull(alice, Trigger.SCHEDULED)
    assert get_enrollment(alice).due_on == last_day_of_february(year)


@pytest.mark.django_db(transaction=True)
def test_it_completes_a_report_twice_without_skipping_a_month(days, alice):
    year = make_first_report(days, alice)
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
