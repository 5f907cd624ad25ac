"""The template tags for connection states, categories and transaction rows, and that they escape text of banks."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.template import Context, Template
from django.utils import timezone as clock
from hypothesis import given
from hypothesis import strategies as st

from banking.templatetags import banking_tags
from banking.transactions.transaction_list import TransactionListRow
from ui.tests.html_tags import ATTACK, Tags

pytestmark = pytest.mark.dates

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
DAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def _afternoon_in_new_york():
    with time_machine.travel(NOW, tick=False), clock.override(ZoneInfo("America/New_York")):
        yield


# --- States, categories, parts ----------------------------------------------------------------------------


def render_template(source: str, **context: object) -> str:
    return Template("{% load banking_tags %}" + source).render(Context(context))


@pytest.mark.parametrize("state", banking_tags.STATES)
def test_it_names_every_state_with_a_mark_and_a_word(state):
    html = render_template("{% status_badge state %}", state=state)

    assert 'aria-hidden="true"' in html
    assert str(banking_tags.STATES[state][2]) in html


def test_it_says_the_age_of_a_stale_connection():
    since = NOW - timedelta(days=7, hours=5)
    assert "Data from 7 days ago" in render_template("{% status_badge 'stale' since %}", since=since)


@pytest.mark.parametrize("age", [timedelta(minutes=59), timedelta(0), timedelta(hours=-2), None])
def test_it_names_no_age_that_does_not_explain_the_state(age):
    since = None if age is None else NOW - age
    assert "Out of date" in render_template("{% status_badge 'stale' since %}", since=since)


def test_it_refuses_a_state_that_nobody_defined():
    with pytest.raises(KeyError):
        render_template("{% status_badge 'fine' %}")


def test_it_knows_every_state_that_an_item_can_have():
    from banking.models import Connection, Item

    items = [
        Item(environment=environment, connection=connection, readiness=readiness, failures=failures, checked_at=checked)
        for environment in ("embedded", "sandbox")
        for connection in Connection
        for readiness in ("not_ready", "historical")
        for failures in (0, 3)
        for checked in (None, NOW)
    ]
    assert {item.state for item in items} <= set(banking_tags.STATES)


def test_it_draws_unknown_categories_like_any_other():
    assert banking_tags.category_name("SPACE_TRAVEL") == "Space travel"
    assert 'class="mark c7"' in banking_tags.category_icon("SPACE_TRAVEL")
    assert banking_tags.category_name("") == "Uncategorized"


def test_it_gives_every_category_an_icon_and_its_tone():
    from banking.transactions.categories import CATEGORIES

    assert all("<svg" in banking_tags.category_icon(category) for category in CATEGORIES)
    assert set(banking_tags.TONES) <= set(CATEGORIES)


@pytest.mark.parametrize(("name", "words"), [("credit card", "Credit card"), ("cd", "CD"), ("ira", "IRA"), ("", "")])
def test_it_says_kinds_of_accounts(name, words):
    assert banking_tags.account_type(name) == words


def row(**facts: object) -> TransactionListRow:
    usual = {
        "id": UUID(int=1),
        "day": DAY,
        "label": "Café",
        "category": "FOOD_AND_DRINK",
        "amount": Decimal("-4.33"),
        "currency": "USD",
        "pending": False,
        "account": "Everyday ••0000",
    }
    return TransactionListRow(**usual | facts)


@time_machine.travel("2026-11-22T12:00:00Z", tick=False)
def test_it_says_everything_about_a_transaction():
    drawn = banking_tags.transaction_rows([row()])
    for said in ("Nov 20", "Café", "Food and drink", "Everyday ••0000", "−$4.33"):
        assert said in drawn
    assert "is-pending" not in drawn
    assert "pos" not in drawn


@time_machine.travel("2026-11-22T12:00:00Z", tick=False)
def test_it_marks_what_is_pending_and_what_came_in():
    drawn = banking_tags.transaction_rows([row(pending=True, amount=Decimal(50), day=date(2025, 12, 31))])
    assert '<tr class="is-pending">' in drawn
    assert '<span class="pill">Pending</span>' in drawn
    assert '<td class="num pos">+$50.00</td>' in drawn
    assert "Dec 31, 2025" in drawn


def test_it_shows_a_transfer_that_came_in_as_no_gain():
    assert '<td class="num">+$50.00</td>' in banking_tags.transaction_rows([row(amount=Decimal(50), counts=False)])


def test_it_draws_no_row_for_nothing():
    assert banking_tags.transaction_rows([]) == ""


@pytest.mark.parametrize("field", ["label", "currency", "account"])
def test_it_shows_markup_in_a_transaction_as_words(field):
    drawn = banking_tags.transaction_rows([row(**{field: ATTACK})])
    assert "<img" not in drawn
    assert ATTACK in unescape(drawn)


@given(st.text(), st.text(), st.text(), st.text(max_size=5))
def test_it_adds_no_element_whatever_the_words_are(label, category, account, currency):
    drawn = banking_tags.transaction_rows([row(label=label, category=category, account=account, currency=currency)])
    assert [name for name, _ in Tags(drawn).elements if name not in ("svg", "path")] == [
        *("tr", "td", "time", "td", "span", "td", "td", "td")
    ]
