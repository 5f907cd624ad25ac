import pytest

from credit.diffing import ChangeType
from credit.tests.experian_samples import (
    card,
    loan,
)
from credit.tests.report_pairs import CARD_KEY, diff_card, diff_sections, filter_changes, summarize


@pytest.mark.parametrize(
    ("limit", "before", "after", "tells"),
    [
        (1000, 300, 549, False),
        (1000, 100, 350, True),
        (1000, 350, 100, True),
        (1000, 100, 349, False),
        (9000, 100, 999, False),
        (9000, 100, 1000, True),
    ],
)
def test_it_tells_a_balance_that_moved_by_enough(limit, before, after, tells):
    def side(balance):
        return {"balanceAmount": f"{balance:08d}", "enhanced": {"creditLimitAmount": f"{limit:010d}"}}

    moved = filter_changes(diff_card(side(before), side(after)), ChangeType.BALANCE_CHANGED)
    assert summarize(moved) == ([(ChangeType.BALANCE_CHANGED, before, after, "")] if tells else [])


def test_it_tells_no_change_of_a_balance_that_is_not_reported_or_of_a_loan():
    assert diff_card({}, {"balanceAmount": "UNKNOWN"}) == ()
    assert diff_sections({}, {"tradeline": [card(), loan(balanceAmount="00003100")]}) == ()


def test_it_tells_that_a_limit_changed():
    changes = diff_card({}, {"enhanced": {"creditLimitAmount": "0000015000"}})
    assert summarize(changes) == [(ChangeType.LIMIT_CHANGED, 12000, 15000, "")]
    assert diff_card({}, {"amount1": None, "enhanced": {"creditLimitAmount": None}}) == ()


def use(balance, limit):
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
def test_it_tells_a_mark_crossed_once_at_its_end(before, after, expected):
    changes = filter_changes(diff_card(use(*before), use(*after)), UP, DOWN)
    # The card is the only one, so all cards together say the same.
    assert summarize(changes) == ([expected] * 2 if expected else [])
    assert [change.entity for change in changes] == ([CARD_KEY, "overall"] if expected else [])


def test_it_tells_no_utilization_where_a_limit_is_missing():
    no_limit = {"amount1": None, "amount1Qualifier": None, "enhanced": {"creditLimitAmount": None}}
    assert filter_changes(diff_card(no_limit, use(900, 1000)), UP, DOWN) == []
    assert filter_changes(diff_card(use(100, 1000), no_limit), UP, DOWN) == []
