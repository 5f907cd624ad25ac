"""Payment histories of real files: blank months, and dates to count from other than that of the balance."""

from datetime import date
from fractions import Fraction

import pytest

from credit.analysis.summary import summarize
from credit.payment_history import Bucket
from credit.tests.experian_samples import TODAY, card, header, list_problems, parse_sample


def one(**changes):
    [line] = parse_sample(tradeline=[card(**changes)]).tradelines
    return line


def months_late(line):
    return [each.month for each in line.history.months() if each.bucket is Bucket.LATE_30]


# --- Blank months ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["paymentHistory", "enhancedPaymentHistory84"])
def test_it_counts_a_blank_month_at_the_beginning(name):
    enhanced = {"enhancedPaymentHistory84": " CCC1"} if name == "enhancedPaymentHistory84" else {}
    line = one(balanceDate="11092026", paymentHistory=" CCC1", enhanced=enhanced)
    assert months_late(line) == [date(2026, 7, 1)]
    assert line.history.buckets[0] is Bucket.NO_DATA
    assert line.history.codes == " CCC1"


def test_it_counts_blank_months_in_between():
    line = one(balanceDate="11092026", paymentHistory="C   C1")
    assert months_late(line) == [date(2026, 6, 1)]
    assert summarize([line], [], on=TODAY).on_time == Fraction(2, 3)


def test_it_leaves_blanks_at_the_end_out():
    assert one(paymentHistory="CC1   ").history.codes == "CC1"
    assert one(paymentHistory="   ").history is None


def test_it_takes_the_shorter_grid_where_the_longer_one_is_blank():
    assert one(paymentHistory="CC1", enhanced={"enhancedPaymentHistory84": " " * 84}).history.codes == "CC1"


@pytest.mark.parametrize("longer", ["-" * 84, "B", "C1", ["C"]])
def test_it_takes_the_shorter_grid_where_it_tells_of_more_months(longer):
    assert one(paymentHistory="C1CCC2", enhanced={"enhancedPaymentHistory84": longer}).history.codes == "C1CCC2"


def test_it_takes_the_longer_grid_where_both_tell_as_much():
    assert one(paymentHistory="CC1", enhanced={"enhancedPaymentHistory84": "CC1-"}).history.codes == "CC1-"


def test_it_finds_nothing_odd_in_a_blank_month():
    assert list_problems(parse_sample(tradeline=[card(paymentHistory=" CCC1")])) == []


def test_it_keeps_what_no_page_can_hold_out_of_a_grid():
    line = one(paymentHistory="C\x00\ud8001")
    assert (line.history.codes, line.history.buckets[3]) == ("C ?1", Bucket.LATE_30)


# --- Without a balance date -----------------------------------------------------------------------------------


@pytest.mark.parametrize("unstated", [None, "00000000", "99999999", "00002026"])
def test_it_counts_from_the_date_of_the_payments_level(unstated):
    line = one(balanceDate=unstated, enhanced={"paymentLevelDate": "10012026"}, paymentHistory="C1")
    assert (months_late(line), line.history.dated_by) == ([date(2026, 9, 1)], "payment_level")


@pytest.mark.parametrize("unstated", [None, "00000000", "99999999"])
def test_it_counts_from_the_date_of_the_status(unstated):
    line = one(balanceDate=unstated, statusDate="08152026", paymentHistory="C1")
    assert (months_late(line), line.history.dated_by) == ([date(2026, 7, 1)], "status")


@pytest.mark.parametrize("ahead", ["12319999", "12312062", "11092126", "12012026"])
def test_it_counts_from_no_month_that_lies_ahead(ahead):
    line = one(balanceDate=ahead, enhanced={"paymentLevelDate": ahead}, statusDate="08152026", paymentHistory="C1")
    assert (months_late(line), line.history.dated_by) == ([date(2026, 7, 1)], "status")
    nowhere = one(balanceDate=ahead, statusDate=ahead, paymentHistory="C1")
    assert (months_late(nowhere), nowhere.history.dated_by) == ([date(2026, 10, 1)], "report")


def test_it_counts_from_a_day_that_lies_ahead_in_the_month_of_the_report():
    line = one(balanceDate="11302026", paymentHistory="C1")
    assert (months_late(line), line.history.dated_by) == ([date(2026, 10, 1)], "balance")


def test_it_counts_from_the_day_of_the_report_where_nothing_else_is_dated():
    line = one(balanceDate=None, statusDate=None, paymentHistory="C1")
    assert (months_late(line), line.history.dated_by) == ([date(2026, 10, 1)], "report")


def test_it_keeps_a_history_that_nothing_dates():
    report = parse_sample(tradeline=[card(balanceDate=None, statusDate=None, paymentHistory="C1")], headerRecord=None)
    [line] = report.tradelines
    assert (line.history.latest, line.history.codes, line.history.dated_by) == (None, "C1", "nothing")
    assert list(line.history.months()) == []
    assert summarize([line], [], on=TODAY).on_time == Fraction(1, 2)
    assert ("paymentHistory", "history_without_date") in list_problems(report)


def test_it_says_that_a_history_is_counted_from_another_date():
    report = parse_sample(tradeline=[card(balanceDate=None, statusDate="08152026", paymentHistory="C1")])
    assert list_problems(report) == [("paymentHistory", "history_dated_otherwise")]


def test_it_finds_an_ordinary_history_dated_by_its_balance():
    assert one().history.dated_by == "balance"


# --- The day of the report ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "day"),
    [("112026", date(2026, 11, 20)), ("010100", date(2000, 1, 1)), ("123199", date(1999, 12, 31))],
)
def test_it_reads_the_shorter_date_of_the_report(told, day):
    report = parse_sample(headerRecord=[{"reportDate": told}])
    assert report.reported_on == day
    assert list_problems(report) == []


@pytest.mark.parametrize("told", ["000000", "133126", "1126", "11202026", ""])
def test_it_lists_a_shorter_date_that_is_none(told):
    report = parse_sample(headerRecord=[{"reportDate": told}])
    assert report.reported_on is None
    assert ("y2kReportedDate", "no_report_date") in list_problems(report)


def test_it_prefers_the_longer_date_of_the_report():
    assert parse_sample(headerRecord=[header("11202026")[0] | {"reportDate": "010126"}]).reported_on == date(
        2026, 11, 20
    )


@pytest.mark.parametrize("ahead", ["12319999", "11222026", "12002026"])
def test_it_takes_no_day_that_lies_ahead_for_that_of_the_report(ahead):
    shorter = {"reportDate": "112026"}
    assert parse_sample(headerRecord=[header(ahead)[0] | shorter]).reported_on == date(2026, 11, 20)
    report = parse_sample(headerRecord=header(ahead))
    assert report.reported_on is None
    assert ("y2kReportedDate", "no_report_date") in list_problems(report)


def test_it_takes_a_report_of_a_day_that_has_begun_at_the_bureau_alone():
    assert parse_sample(headerRecord=header("11212026")).reported_on == date(2026, 11, 21)


@pytest.mark.parametrize("partial", ["11002026", "00002026"])
def test_it_prefers_the_shorter_date_where_the_longer_one_lacks_its_day(partial):
    assert parse_sample(headerRecord=[header(partial)[0] | {"reportDate": "112026"}]).reported_on == date(2026, 11, 20)
    assert parse_sample(headerRecord=header(partial)).reported_on == date(2026, int(partial[:2]) or 1, 1)
