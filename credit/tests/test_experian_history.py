"""Payment histories of real files: blank months, and which date the months are counted from."""

from datetime import date
from fractions import Fraction

import pytest

from credit.analysis.summary import summarize
from credit.payment_history import Bucket
from credit.tests.experian_samples import TODAY, card, header, list_problems, parse_sample


def parse_account(**changes):
    [line] = parse_sample(tradeline=[card(**changes)]).tradelines
    return line


def list_late_months(line):
    return [month.month for month in line.history.months() if month.bucket is Bucket.LATE_30]


# --- Blank months ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["paymentHistory", "enhancedPaymentHistory84"])
def test_it_counts_a_blank_month_at_the_beginning(name):
    enhanced = {"enhancedPaymentHistory84": " CCC1"} if name == "enhancedPaymentHistory84" else {}
    line = parse_account(balanceDate="11092026", paymentHistory=" CCC1", enhanced=enhanced)
    assert list_late_months(line) == [date(2026, 7, 1)]
    assert line.history.buckets[0] is Bucket.NO_DATA
    assert line.history.codes == " CCC1"


def test_it_counts_blank_months_in_between():
    line = parse_account(balanceDate="11092026", paymentHistory="C   C1")
    assert list_late_months(line) == [date(2026, 6, 1)]
    assert summarize([line], [], on=TODAY).on_time == Fraction(2, 3)


def test_it_ignores_blanks_at_the_end():
    assert parse_account(paymentHistory="CC1   ").history.codes == "CC1"
    assert parse_account(paymentHistory="   ").history is None


def test_it_uses_the_short_history_if_the_long_one_is_blank():
    assert parse_account(paymentHistory="CC1", enhanced={"enhancedPaymentHistory84": " " * 84}).history.codes == "CC1"


@pytest.mark.parametrize("value", ["-" * 84, "B", "C1", ["C"]])
def test_it_uses_the_short_history_if_it_has_more_months(value):
    assert (
        parse_account(paymentHistory="C1CCC2", enhanced={"enhancedPaymentHistory84": value}).history.codes == "C1CCC2"
    )


def test_it_prefers_the_long_history_if_both_have_as_many_months():
    assert parse_account(paymentHistory="CC1", enhanced={"enhancedPaymentHistory84": "CC1-"}).history.codes == "CC1-"


def test_it_does_not_warn_of_a_blank_month():
    assert list_problems(parse_sample(tradeline=[card(paymentHistory=" CCC1")])) == []


def test_it_replaces_invalid_characters():
    line = parse_account(paymentHistory="C\x00\ud8001")
    assert (line.history.codes, line.history.buckets[3]) == ("C ?1", Bucket.LATE_30)


# --- Without a balance date -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "00000000", "99999999", "00002026"])
def test_it_counts_from_the_payment_level_date(value):
    line = parse_account(balanceDate=value, enhanced={"paymentLevelDate": "10012026"}, paymentHistory="C1")
    assert (list_late_months(line), line.history.dated_by) == ([date(2026, 9, 1)], "payment_level")


@pytest.mark.parametrize("value", [None, "00000000", "99999999"])
def test_it_counts_from_the_status_date(value):
    line = parse_account(balanceDate=value, statusDate="08152026", paymentHistory="C1")
    assert (list_late_months(line), line.history.dated_by) == ([date(2026, 7, 1)], "status")


@pytest.mark.parametrize("value", ["12319999", "12312062", "11092126", "12012026"])
def test_it_does_not_count_from_a_future_month(value):
    line = parse_account(
        balanceDate=value, enhanced={"paymentLevelDate": value}, statusDate="08152026", paymentHistory="C1"
    )
    assert (list_late_months(line), line.history.dated_by) == ([date(2026, 7, 1)], "status")
    undated = parse_account(balanceDate=value, statusDate=value, paymentHistory="C1")
    assert (list_late_months(undated), undated.history.dated_by) == ([date(2026, 10, 1)], "report")


def test_it_counts_from_a_future_day_in_the_month_of_the_report():
    line = parse_account(balanceDate="11302026", paymentHistory="C1")
    assert (list_late_months(line), line.history.dated_by) == ([date(2026, 10, 1)], "balance")


def test_it_counts_from_the_report_date_without_other_dates():
    line = parse_account(balanceDate=None, statusDate=None, paymentHistory="C1")
    assert (list_late_months(line), line.history.dated_by) == ([date(2026, 10, 1)], "report")


def test_it_keeps_a_history_without_any_date():
    report = parse_sample(tradeline=[card(balanceDate=None, statusDate=None, paymentHistory="C1")], headerRecord=None)
    [line] = report.tradelines
    assert (line.history.latest, line.history.codes, line.history.dated_by) == (None, "C1", "nothing")
    assert list(line.history.months()) == []
    assert summarize([line], [], on=TODAY).on_time == Fraction(1, 2)
    assert ("paymentHistory", "history_without_date") in list_problems(report)


def test_it_warns_if_a_history_is_counted_from_another_date():
    report = parse_sample(tradeline=[card(balanceDate=None, statusDate="08152026", paymentHistory="C1")])
    assert list_problems(report) == [("paymentHistory", "history_dated_otherwise")]


def test_it_counts_from_the_balance_date():
    assert parse_account().history.dated_by == "balance"


# --- The report's date ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "day"),
    [("112026", date(2026, 11, 20)), ("010100", date(2000, 1, 1)), ("123199", date(1999, 12, 31))],
)
def test_it_parses_the_short_date_of_a_report(value, day):
    report = parse_sample(headerRecord=[{"reportDate": value}])
    assert report.reported_on == day
    assert list_problems(report) == []


@pytest.mark.parametrize("value", ["000000", "133126", "1126", "11202026", ""])
def test_it_warns_of_an_invalid_short_date(value):
    report = parse_sample(headerRecord=[{"reportDate": value}])
    assert report.reported_on is None
    assert ("y2kReportedDate", "no_report_date") in list_problems(report)


def test_it_prefers_the_long_date_of_a_report():
    assert parse_sample(headerRecord=[header("11202026")[0] | {"reportDate": "010126"}]).reported_on == date(
        2026, 11, 20
    )


@pytest.mark.parametrize("value", ["12319999", "11222026", "12002026"])
def test_it_ignores_a_future_report_date(value):
    short_date = {"reportDate": "112026"}
    assert parse_sample(headerRecord=[header(value)[0] | short_date]).reported_on == date(2026, 11, 20)
    report = parse_sample(headerRecord=header(value))
    assert report.reported_on is None
    assert ("y2kReportedDate", "no_report_date") in list_problems(report)


def test_it_accepts_a_report_date_of_tomorrow():
    assert parse_sample(headerRecord=header("11212026")).reported_on == date(2026, 11, 21)


@pytest.mark.parametrize("value", ["11002026", "00002026"])
def test_it_prefers_a_complete_short_date_to_a_partial_long_date(value):
    assert parse_sample(headerRecord=[header(value)[0] | {"reportDate": "112026"}]).reported_on == date(2026, 11, 20)
    assert parse_sample(headerRecord=header(value)).reported_on == date(2026, int(value[:2]) or 1, 1)
