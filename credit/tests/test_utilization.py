from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.analysis.utilization import THRESHOLDS, Utilization, summarize_utilization, utilization_of
from credit.report import AccountKind
from credit.tests.experian_samples import card, parse_sample


def use(balance, limit, **changes):
    return card(balanceAmount=f"{balance:08d}", enhanced={"creditLimitAmount": f"{limit:010d}"}, **changes)


def lines(*cards):
    return parse_sample(tradeline=list(cards)).tradelines


NO_LIMIT = {"amount1": None, "amount1Qualifier": None, "enhanced": {"creditLimitAmount": None}}
HELOC = {"accountType": "47", "enhanced": {"enhancedAccountType": "89"}}


def test_it_adds_up_what_counts():
    # 1140/12000 = 9.50 %, 1872/6500 = 28.80 %, 0/1500 = 0 %; together 3012/20000 = 15.06 %.
    found = summarize_utilization(lines(use(1140, 12000), use(1872, 6500), use(0, 1500)))
    assert [each.use.percent for each in found.cards] == [Decimal("9.5"), Decimal("28.8"), Decimal("0.0")]
    assert found.overall == Utilization(3012, 20000)
    assert str(found.overall.percent) == "15.1"


def test_it_takes_a_real_limit_beside_a_zero_in_the_enhanced_data():
    # 450/500 = 90 %; with 1140/12000 it is 1590/12500 = 12.72 %, where 1140/12000 alone were 9.5 %.
    secured = card(balanceAmount="00000450", amount1="00000500", enhanced={"creditLimitAmount": "0000000000"})
    found = summarize_utilization(lines(use(1140, 12000), secured))
    assert [each.use.percent for each in found.cards] == [Decimal("9.5"), Decimal("90.0")]
    assert (found.overall, found.overall.percent) == (Utilization(1590, 12500), Decimal("12.7"))
    assert found.without_limit == ()


def test_it_has_no_share_of_nothing():
    assert summarize_utilization(()).overall is None
    assert summarize_utilization(lines(card(openOrClosed="C"), card(**NO_LIMIT))).overall is None


@pytest.mark.parametrize(
    "changes",
    [
        {"openOrClosed": "C"},
        {"revolvingOrInstallment": "I"},
        {"accountType": "00"},
        {"balanceAmount": "UNKNOWN"},
        {"openOrClosed": None, "enhanced": {"enhancedAccountCondition": None}},
        HELOC,
        NO_LIMIT,
        {"amount1": "00000000", "enhanced": {"creditLimitAmount": "0000000000"}},
        {"amount1": None, "enhanced": {"creditLimitAmount": "0000000000"}},
    ],
)
def test_it_leaves_out_what_does_not_count(changes):
    [line] = lines(card(**changes))
    assert utilization_of(line) is None
    assert summarize_utilization([line]).overall is None


def test_it_lists_apart_what_has_no_limit_no_balance_or_a_house_behind_it():
    found = summarize_utilization(lines(card(**NO_LIMIT), card(balanceAmount=None), card(**HELOC), card()))
    assert len(found.cards) == len(found.without_limit) == len(found.without_balance) == 1
    assert [each.kind for each in found.home_equity] == [AccountKind.HOME_EQUITY]


def test_it_takes_a_credit_balance_for_zero():
    [line] = lines(card(balanceAmount="-0000035"))
    assert utilization_of(line) == Utilization(0, 12000)


def test_it_leaves_authorized_users_out_when_told_to():
    mine, theirs = use(100, 1000), use(900, 1000, ecoa="3", subscriberCode="9")
    assert summarize_utilization(lines(mine, theirs)).overall == Utilization(1000, 2000)
    assert summarize_utilization(lines(mine, theirs), authorized_user=False).overall == Utilization(100, 1000)


@pytest.mark.parametrize(
    ("balance", "limit", "shown"),
    [(1, 3, "33.3"), (2, 3, "66.7"), (1, 2000, "0.1"), (1, 2001, "0.0"), (1015, 1000, "101.5"), (309, 2000, "15.5")],
)
def test_it_shows_one_decimal_with_halves_rounded_up(balance, limit, shown):
    assert str(Utilization(balance, limit).percent) == shown


def test_it_says_to_the_cent_what_to_pay_down_to_a_mark():
    card_use = Utilization(1995, 6533)
    assert [card_use.paydown_to(mark) for mark in (10, 30, 50)] == [
        Decimal("1341.70"),
        Decimal("35.10"),
        Decimal("0.00"),
    ]


@pytest.mark.parametrize(("balance", "over"), [(299, False), (300, False), (301, True)])
def test_it_is_over_a_mark_only_beyond_it(balance, over):
    assert Utilization(balance, 1000).is_over(30) is over


@given(st.integers(0, 10**8), st.integers(1, 10**8))
def test_it_stops_exactly_at_the_mark(balance, limit):
    whole = Utilization(balance, limit)
    for mark in THRESHOLDS:
        left = 100 * balance - int(whole.paydown_to(mark) * 100)
        assert left >= 0
        # What is left, in cents, is no more than the mark, and paying one cent less would be over it.
        assert 100 * left <= mark * limit * 100
        assert whole.is_over(mark) == (whole.paydown_to(mark) > 0)
