"""The macros and tags of credit pages, and that they escape text of lenders."""

from datetime import date
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from credit.payment_history import Bucket
from credit.presentation.payment_grid import CalendarYear, used_buckets
from credit.report import Role, Tradeline
from credit.templatetags import credit_tags
from credit.tests.experian_samples import card, loan, parse_sample
from ui.tests.html_tags import ATTACK, Tags


def build_account(**changes: object) -> Tradeline:
    return replace(parse_sample(tradeline=[card()]).tradelines[0], **changes)


def test_it_shows_the_main_fields_of_an_account() -> None:
    html = credit_tags.account_rows([build_account()])
    assert Tags(html).words[0] == "LAKESHORE BANK"
    for text in ("••1001", "Paid as agreed", "$1,140", "$12,000", "Mar 15, 2016"):
        assert text in html


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"is_open": False, "balance": None}, "Closed. Paid as agreed"),
        (
            {"is_open": False, "account_condition": "closed", "payment_status": "", "payment_status_code": ""},
            ">Closed<",
        ),
        ({"derogatory": True, "account_condition": "charge_off", "past_due": 1930}, "Charged off, $1,930 past due"),
        ({"payment_status": "", "payment_status_code": "4Z"}, "Code 4Z"),
        ({"role": Role.AUTHORIZED_USER, "last_four": ""}, "authorized user"),
        ({"disputed": True}, "disputed"),
        ({"balance": None}, "Not reported"),
        ({"creditor": ""}, "Unnamed account"),
    ],
)
def test_it_describes_the_state_of_an_account(changes: dict[str, object], text: str) -> None:
    assert text in credit_tags.account_rows([build_account(**changes)])


def test_it_shows_the_original_amount_of_a_loan() -> None:
    assert "$9,000" in credit_tags.account_rows(parse_sample(tradeline=[loan()]).tradelines)


@given(st.text(), st.text(max_size=4), st.text())
def test_it_adds_no_elements_for_any_name_of_a_lender(creditor: str, last_four: str, payment_status_code: str) -> None:
    html = credit_tags.account_rows(
        [
            build_account(
                creditor=creditor, last_four=last_four, payment_status="", payment_status_code=payment_status_code
            )
        ]
    )
    elements = [name for name, _ in Tags(html).elements if name != "span"]
    assert elements == ["tr", "th", "a", *["td"] * 4]


def test_it_escapes_markup() -> None:
    html = credit_tags.account_rows([build_account(creditor=ATTACK)])
    assert "<img" not in html
    assert ATTACK in unescape(html)


def test_it_draws_a_cell_with_a_label_for_each_month() -> None:
    years = [CalendarYear(2026, (Bucket.LATE_60, Bucket.OK, *[None] * 10))]
    html = credit_tags.payment_rows(years)
    assert [name for name, _ in Tags(html).elements] == ["tr", "th", *["td"] * 12]
    assert Tags(html).words == ["2026", "60", "OK"]
    assert "60 days late" in credit_tags.payment_legend(used_buckets(years))


def test_it_draws_nothing_without_rows() -> None:
    assert credit_tags.account_rows([]) == credit_tags.payment_rows([]) == credit_tags.payment_legend([]) == ""


def test_it_formats_dates_with_the_year() -> None:
    assert credit_tags.full_date(date(2026, 11, 20)) == "Nov 20, 2026"
    assert credit_tags.full_date(None) == "Not reported"
