"""What pages about credit draw without a template: nothing that a lender wrote becomes an element."""

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


def account(**changes: object) -> Tradeline:
    return replace(parse_sample(tradeline=[card()]).tradelines[0], **changes)


def test_it_says_what_matters_about_an_account() -> None:
    drawn = credit_tags.account_rows([account()])
    assert Tags(drawn).words[0] == "LAKESHORE BANK"
    for said in ("••1001", "Paid as agreed", "$1,140", "$12,000", "Mar 15, 2016"):
        assert said in drawn


@pytest.mark.parametrize(
    ("changes", "said"),
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
def test_it_says_in_short_how_an_account_stands(changes: dict[str, object], said: str) -> None:
    assert said in credit_tags.account_rows([account(**changes)])


def test_it_shows_the_original_amount_of_a_loan() -> None:
    assert "$9,000" in credit_tags.account_rows(parse_sample(tradeline=[loan()]).tradelines)


@given(st.text(), st.text(max_size=4), st.text())
def test_it_adds_no_element_whatever_a_lender_is_called(
    creditor: str, last_four: str, payment_status_code: str
) -> None:
    drawn = credit_tags.account_rows(
        [account(creditor=creditor, last_four=last_four, payment_status="", payment_status_code=payment_status_code)]
    )
    elements = [name for name, _ in Tags(drawn).elements if name != "span"]
    assert elements == ["tr", "th", "a", *["td"] * 4]


def test_it_shows_markup_as_words() -> None:
    drawn = credit_tags.account_rows([account(creditor=ATTACK)])
    assert "<img" not in drawn
    assert ATTACK in unescape(drawn)


def test_it_draws_a_cell_for_each_month_with_its_word() -> None:
    years = [CalendarYear(2026, (Bucket.LATE_60, Bucket.OK, *[None] * 10))]
    drawn = credit_tags.payment_rows(years)
    assert [name for name, _ in Tags(drawn).elements] == ["tr", "th", *["td"] * 12]
    assert Tags(drawn).words == ["2026", "60", "OK"]
    assert "60 days late" in credit_tags.payment_legend(used_buckets(years))


def test_it_draws_nothing_for_nothing() -> None:
    assert credit_tags.account_rows([]) == credit_tags.payment_rows([]) == credit_tags.payment_legend([]) == ""


def test_it_says_days_with_their_year() -> None:
    assert credit_tags.full_date(date(2026, 11, 20)) == "Nov 20, 2026"
    assert credit_tags.full_date(None) == "Not reported"
