import pytest

from credit.diffing import ChangeType
from credit.tests.experian_samples import (
    card,
    loan,
)
from credit.tests.report_pairs import CARD_KEY, diff_card, diff_sections, filter_changes, summarize


@pytest.mark.parametrize(
    ("limit", "before", "after", "is_change"),
    [
        (1000, 300, 549, False),
        (1000, 100, 350, True),
        (1000, 350, 100, True),
        (1000, 100, 349, False),
        (9000, 100, 999, False),
        (9000, 100, 1000, True),
    ],
)
def test_it_finds_a_balance_that_changed_by_enough(limit, before, after, is_change):
    def card_fields(balance):
        return {"balanceAmount": f"{balance:08d}", "enhanced": {"creditLimitAmount": f"{limit:010d}"}}

    changes = filter_changes(diff_card(card_fields(before), card_fields(after)), ChangeType.BALANCE_CHANGED)
    assert summarize(changes) == ([(ChangeType.BALANCE_CHANGED, before, after, "")] if is_change else [])


def test_it_ignores_unreported_balances_and_loans():
    assert diff_card({}, {"balanceAmount": "UNKNOWN"}) == ()
    assert diff_sections({}, {"tradeline": [card(), loan(balanceAmount="00003100")]}) == ()


def test_it_finds_a_changed_limit():
    changes = diff_card({}, {"enhanced": {"creditLimitAmount": "0000015000"}})
    assert summarize(changes) == [(ChangeType.LIMIT_CHANGED, 12000, 15000, "")]
    assert diff_card({}, {"amount1": None, "enhanced": {"creditLimitAmount": None}}) == ()


def make_card_fields(balance, limit):
    return {"balanceAmount": f"{balance:08d}", "enhanced": {"creditLimitAmount": f"{limit:010d}"}}


UP, DOWN = ChangeType.UTILIZATION_UP, ChangeType.UTILIZATION_DOWN


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((300, 1000), (301, 1000), (UP, "30.0", "30.1", "30")),
        ((301, 1000), (300, 1000), (DOWN, "30.1", "30.0", "30")),
        ((299, 1000), (300, 1000), None),
        ((100, 1000), (760, 1000), (UP, "10.0", "76.0", "75")),
        ((760, 1000), (100, 1000), (DOWN, "76.0", "10.0", "30")),
        ((900, 1000), (1001, 1000), (UP, "90.0", "100.1", "100")),
        ((900, 1000), (1000, 1000), None),
        ((400, 2000), (400, 1000), (UP, "20.0", "40.0", "30 limit_fell")),
        ((400, 1000), (400, 2000), (DOWN, "40.0", "20.0", "30 limit_rose")),
        ((1995, 6500), (3315, 6500), (UP, "30.7", "51.0", "50")),
    ],
)
def test_it_finds_the_last_crossed_threshold(before, after, expected):
    changes = filter_changes(diff_card(make_card_fields(*before), make_card_fields(*after)), UP, DOWN)
    # The card is the only one, so all cards together say the same.
    assert summarize(changes) == ([expected] * 2 if expected else [])
    assert [change.entity for change in changes] == ([CARD_KEY, "overall"] if expected else [])


def test_it_finds_no_utilization_without_a_limit():
    no_limit = {"amount1": None, "amount1Qualifier": None, "enhanced": {"creditLimitAmount": None}}
    assert filter_changes(diff_card(no_limit, make_card_fields(900, 1000)), UP, DOWN) == []
    assert filter_changes(diff_card(make_card_fields(100, 1000), no_limit), UP, DOWN) == []
