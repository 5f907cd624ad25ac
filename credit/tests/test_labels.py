"""Words for what a report holds: every code has some, and what is not reported never reads as zero."""

from datetime import date

import pytest

from credit.analysis import labels
from credit.experian import account_types, codes
from credit.payment_history import Bucket, DatedBy
from credit.report import AccountKind, Detail, PartialDate, Precision, Role


@pytest.mark.parametrize(
    ("table", "all_of"),
    [
        (labels.KINDS, AccountKind),
        (labels.KINDS_PLURAL, AccountKind),
        (labels.ROLES, Role),
        (labels.PAYMENT_MARKS, Bucket),
        (labels.DETAIL_KINDS, Detail),
        (labels.ACCOUNT_CONDITIONS, codes.ACCOUNT_CONDITIONS.values()),
        (labels.PAYMENT_STATUSES, codes.PAYMENT_STATUSES.values()),
        (labels.PAYMENT_STATUSES, codes.WORST_STATUSES.values()),
        (labels.COMPLIANCE, codes.COMPLIANCE.values()),
        (labels.BANKRUPTCY_STAGES, {stage for _chapter, stage in codes.BANKRUPTCIES.values() if stage}),
        (labels.DATED_BY_NOTES, DatedBy),
        (labels.PRODUCTS, {each.product for each in account_types.TYPES.values() if each.product}),
    ],
    ids=[
        "kinds",
        "groups",
        "roles",
        "marks",
        "details",
        "conditions",
        "standings",
        "worst",
        "compliance",
        "stages",
        "dates",
        "products",
    ],
)
def test_it_has_words_for_everything_that_is_known(table, all_of):
    assert set(all_of) <= set(table)


def test_it_tells_every_mark_of_a_month_apart():
    assert len({mark for mark, _meaning in labels.PAYMENT_MARKS.values()}) == len(Bucket)


@pytest.mark.parametrize(
    ("amount", "said"), [(0, "$0"), (1140, "$1,140"), (-25, "−$25"), (281_450, "$281,450"), (None, "Not reported")]
)
def test_it_says_dollars_and_never_zero_for_what_is_not_reported(amount, said):
    assert labels.format_dollars(amount) == said


@pytest.mark.parametrize(
    ("precision", "said"), [(Precision.DAY, "Nov 9, 2026"), (Precision.MONTH, "Nov 2026"), (Precision.YEAR, "2026")]
)
def test_it_says_a_date_as_exactly_as_the_bureau_does(precision, said):
    assert labels.format_date(PartialDate(date(2026, 11, 9), precision)) == said


@pytest.mark.parametrize(("text", "said"), [("1971-01-15", "Jan 15, 1971"), ("1971", "1971"), ("<b>", "<b>"), ("", "")])
def test_it_says_a_day_that_came_as_text(text, said):
    assert labels.format_iso_date(text) == said


@pytest.mark.parametrize(
    ("months", "said"),
    [(None, "Not reported"), (0, "0 mo"), (11, "11 mo"), (12, "1 yr"), (50, "4 yr 2 mo"), (240, "20 yr")],
)
def test_it_says_an_age(months, said):
    assert labels.format_age(months) == said


def test_it_shows_a_code_that_it_does_not_know_as_it_is():
    assert labels.label_for_code(labels.PAYMENT_STATUSES, "", "4Z") == "Code 4Z"
    assert labels.label_for_code(labels.PAYMENT_STATUSES, "", "") == "Not reported"
    assert labels.label_for_code(labels.PAYMENT_STATUSES, "late60", "78") == "60 days past due"


def test_it_says_why_there_is_no_score():
    assert "recent activity" in labels.exclusion_reason("9002")
    assert labels.exclusion_reason("0004") == labels.NO_SCORE


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("360", "360 months"),
        ("001", "1 month"),
        ("REV", "Revolving"),
        ("LOC", "Line of credit"),
        ("XYZ", "XYZ"),
        ("", "Not reported"),
    ],
)
def test_it_says_terms(told, said):
    assert labels.format_terms(told) == said


@pytest.mark.parametrize(
    ("chapter", "stage", "said"),
    [
        ("7", "discharged", "Chapter 7 · Discharged"),
        ("13", "", "Chapter 13"),
        ("", "reaffirmed", "Debt reaffirmed"),
        ("1A", "", "Code 1A"),
        ("07", "", "Chapter 7"),
        ("²", "", "Code ²"),
        ("", "", ""),
    ],
)
def test_it_says_a_bankruptcy(chapter, stage, said):
    assert labels.bankruptcy_label(chapter, stage) == said
