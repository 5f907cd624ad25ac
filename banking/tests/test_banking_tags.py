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
from banking.transactions.listing.transaction_list import TransactionListRow
from ui.tests.html_tags import ATTACK, Tags

pytestmark = pytest.mark.dates

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
DAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def _afternoon_in_new_york():
    with time_machine.travel(NOW, tick=False), clock.override(ZoneInfo("America/New_York")):
        yield


# --- States and categories --------------------------------------------------------------------------------


def render_template(source: str, **context: object) -> str:
    return Template("{% load banking_tags %}" + source).render(Context(context))


@pytest.mark.parametrize("state", banking_tags.STATES)
def test_it_draws_every_state_with_an_icon_and_a_word(state):
    html = render_template("{% status_badge state %}", state=state)

    assert 'aria-hidden="true"' in html
    assert str(banking_tags.STATES[state][2]) in html


def test_it_shows_the_age_of_a_stale_connection():
    since = NOW - timedelta(days=7, hours=5)
    assert "Data from 7 days ago" in render_template("{% status_badge 'stale' since %}", since=since)


@pytest.mark.parametrize("age", [timedelta(minutes=59), timedelta(0), timedelta(hours=-2), None])
def test_it_shows_no_age_that_is_unknown_or_below_one_hour(age):
    since = None if age is None else NOW - age
    assert "Out of date" in render_template("{% status_badge 'stale' since %}", since=since)


def test_it_raises_for_an_unknown_state():
    with pytest.raises(KeyError):
        render_template("{% status_badge 'fine' %}")


def test_it_has_a_badge_for_every_state_of_an_item():
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


def test_it_draws_unknown_categories():
    assert banking_tags.category_name("SPACE_TRAVEL") == "Space travel"
    assert 'class="mark c7"' in banking_tags.category_icon("SPACE_TRAVEL")
    assert banking_tags.category_name("") == "Uncategorized"


def test_it_has_an_icon_for_every_category_and_tones_only_for_known_ones():
    from banking.transactions.categories import CATEGORIES

    assert all("<svg" in banking_tags.category_icon(category) for category in CATEGORIES)
    assert set(banking_tags.TONES) <= set(CATEGORIES)


@pytest.mark.parametrize(("name", "label"), [("credit card", "Credit card"), ("cd", "CD"), ("ira", "IRA"), ("", "")])
def test_it_labels_types_of_accounts(name, label):
    assert banking_tags.account_type(name) == label


def build_row(**fields: object) -> TransactionListRow:
    defaults = {
        "id": UUID(int=1),
        "day": DAY,
        "label": "Café",
        "category": "FOOD_AND_DRINK",
        "amount": Decimal("-4.33"),
        "currency": "USD",
        "pending": False,
        "account": "Everyday ••0000",
    }
    return TransactionListRow(**defaults | fields)


@time_machine.travel("2026-11-22T12:00:00Z", tick=False)
def test_it_shows_all_columns_of_a_transaction():
    html = banking_tags.transaction_rows([build_row()])
    for text in ("Nov 20", "Café", "Food and drink", "Everyday ••0000", "−$4.33"):
        assert text in html
    assert "is-pending" not in html
    assert "pos" not in html


@time_machine.travel("2026-11-22T12:00:00Z", tick=False)
def test_it_marks_pending_and_incoming_transactions():
    html = banking_tags.transaction_rows([build_row(pending=True, amount=Decimal(50), day=date(2025, 12, 31))])
    assert '<tr class="is-pending">' in html
    assert '<span class="pill">Pending</span>' in html
    assert '<td class="num pos">+$50.00</td>' in html
    assert "Dec 31, 2025" in html


def test_it_does_not_mark_an_incoming_transfer_as_a_gain():
    assert '<td class="num">+$50.00</td>' in banking_tags.transaction_rows(
        [build_row(amount=Decimal(50), counts=False)]
    )


def test_it_draws_nothing_without_rows():
    assert banking_tags.transaction_rows([]) == ""


@pytest.mark.parametrize("field", ["label", "currency", "account"])
def test_it_escapes_markup_in_a_transaction(field):
    html = banking_tags.transaction_rows([build_row(**{field: ATTACK})])
    assert "<img" not in html
    assert ATTACK in unescape(html)


@given(st.text(), st.text(), st.text(), st.text(max_size=5))
def test_it_adds_no_elements_for_any_text(label, category, account, currency):
    html = banking_tags.transaction_rows(
        [build_row(label=label, category=category, account=account, currency=currency)]
    )
    assert [name for name, _ in Tags(html).elements if name not in ("svg", "path")] == [
        *("tr", "td", "time", "td", "span", "a", "td", "td", "td")
    ]
