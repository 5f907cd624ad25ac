"""Labels for the values of a report: every code has one, and an unreported amount is never shown as zero."""

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
        (labels.PRODUCTS, {type_.product for type_ in account_types.TYPES.values() if type_.product}),
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
def test_it_has_a_label_for_every_known_value(table, all_of):
    assert set(all_of) <= set(table)


def test_it_has_different_marks_for_months():
    assert len({mark for mark, _meaning in labels.PAYMENT_MARKS.values()}) == len(Bucket)


@pytest.mark.parametrize(
    ("amount", "expected"), [(0, "$0"), (1140, "$1,140"), (-25, "−$25"), (281_450, "$281,450"), (None, "Not reported")]
)
def test_it_formats_dollars_and_unreported_amounts(amount, expected):
    assert labels.format_dollars(amount) == expected


@pytest.mark.parametrize(
    ("precision", "expected"), [(Precision.DAY, "Nov 9, 2026"), (Precision.MONTH, "Nov 2026"), (Precision.YEAR, "2026")]
)
def test_it_formats_a_date_by_its_precision(precision, expected):
    assert labels.format_date(PartialDate(date(2026, 11, 9), precision)) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("1971-01-15", "Jan 15, 1971"), ("1971", "1971"), ("<b>", "<b>"), ("", "")]
)
def test_it_formats_a_date_that_is_text(text, expected):
    assert labels.format_iso_date(text) == expected


@pytest.mark.parametrize(
    ("months", "expected"),
    [(None, "Not reported"), (0, "0 mo"), (11, "11 mo"), (12, "1 yr"), (50, "4 yr 2 mo"), (240, "20 yr")],
)
def test_it_formats_an_age(months, expected):
    assert labels.format_age(months) == expected


def test_it_shows_unknown_codes():
    assert labels.label_for_code(labels.PAYMENT_STATUSES, "", "4Z") == "Code 4Z"
    assert labels.label_for_code(labels.PAYMENT_STATUSES, "", "") == "Not reported"
    assert labels.label_for_code(labels.PAYMENT_STATUSES, "late60", "78") == "60 days past due"


def test_it_explains_why_there_is_no_score():
    assert "recent activity" in labels.exclusion_reason("9002")
    assert labels.exclusion_reason("0004") == labels.NO_SCORE


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("360", "360 months"),
        ("001", "1 month"),
        ("REV", "Revolving"),
        ("LOC", "Line of credit"),
        ("XYZ", "XYZ"),
        ("", "Not reported"),
    ],
)
def test_it_formats_terms(terms, expected):
    assert labels.format_terms(terms) == expected


@pytest.mark.parametrize(
    ("chapter", "stage", "expected"),
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
def test_it_labels_a_bankruptcy(chapter, stage, expected):
    assert labels.bankruptcy_label(chapter, stage) == expected
