from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.analysis.utilization import THRESHOLDS, Utilization, summarize_utilization, utilization_of
from credit.report import AccountKind
from credit.tests.experian_samples import card, parse_sample


def make_card(balance, limit, **changes):
    return card(balanceAmount=f"{balance:08d}", enhanced={"creditLimitAmount": f"{limit:010d}"}, **changes)


def parse_tradelines(*cards):
    return parse_sample(tradeline=list(cards)).tradelines


NO_LIMIT = {"amount1": None, "amount1Qualifier": None, "enhanced": {"creditLimitAmount": None}}
HELOC = {"accountType": "47", "enhanced": {"enhancedAccountType": "89"}}


def test_it_sums_open_cards_with_a_limit():
    # 1140/12000 = 9.50 %, 1872/6500 = 28.80 %, 0/1500 = 0 %; together 3012/20000 = 15.06 %.
    summary = summarize_utilization(parse_tradelines(make_card(1140, 12000), make_card(1872, 6500), make_card(0, 1500)))
    assert [card_use.use.percent for card_use in summary.cards] == [Decimal("9.5"), Decimal("28.8"), Decimal("0.0")]
    assert summary.overall == Utilization(3012, 20000)
    assert str(summary.overall.percent) == "15.1"


def test_it_uses_the_basic_limit_when_the_enhanced_limit_is_zero():
    # 450/500 = 90 %; with 1140/12000 it is 1590/12500 = 12.72 %, where 1140/12000 alone were 9.5 %.
    secured = card(balanceAmount="00000450", amount1="00000500", enhanced={"creditLimitAmount": "0000000000"})
    summary = summarize_utilization(parse_tradelines(make_card(1140, 12000), secured))
    assert [card_use.use.percent for card_use in summary.cards] == [Decimal("9.5"), Decimal("90.0")]
    assert (summary.overall, summary.overall.percent) == (Utilization(1590, 12500), Decimal("12.7"))
    assert summary.without_limit == ()


def test_it_has_no_utilization_without_cards():
    assert summarize_utilization(()).overall is None
    assert summarize_utilization(parse_tradelines(card(openOrClosed="C"), card(**NO_LIMIT))).overall is None


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
def test_it_excludes_accounts_that_do_not_count(changes):
    [account] = parse_tradelines(card(**changes))
    assert utilization_of(account) is None
    assert summarize_utilization([account]).overall is None


def test_it_lists_accounts_without_limit_without_balance_and_home_equity_separately():
    summary = summarize_utilization(parse_tradelines(card(**NO_LIMIT), card(balanceAmount=None), card(**HELOC), card()))
    assert len(summary.cards) == len(summary.without_limit) == len(summary.without_balance) == 1
    assert [account.kind for account in summary.home_equity] == [AccountKind.HOME_EQUITY]


def test_it_counts_a_credit_balance_as_zero():
    [account] = parse_tradelines(card(balanceAmount="-0000035"))
    assert utilization_of(account) == Utilization(0, 12000)


def test_it_excludes_authorized_user_accounts_on_request():
    own, authorized = make_card(100, 1000), make_card(900, 1000, ecoa="3", subscriberCode="9")
    assert summarize_utilization(parse_tradelines(own, authorized)).overall == Utilization(1000, 2000)
    assert summarize_utilization(parse_tradelines(own, authorized), authorized_user=False).overall == Utilization(
        100, 1000
    )


@pytest.mark.parametrize(
    ("balance", "limit", "percent"),
    [(1, 3, "33.3"), (2, 3, "66.7"), (1, 2000, "0.1"), (1, 2001, "0.0"), (1015, 1000, "101.5"), (309, 2000, "15.5")],
)
def test_it_rounds_to_one_decimal_with_halves_up(balance, limit, percent):
    assert str(Utilization(balance, limit).percent) == percent


def test_it_computes_to_the_cent_the_paydown_to_a_threshold():
    utilization = Utilization(1995, 6533)
    assert [utilization.paydown_to(threshold) for threshold in (10, 30, 50)] == [
        Decimal("1341.70"),
        Decimal("35.10"),
        Decimal("0.00"),
    ]


@pytest.mark.parametrize(("balance", "over"), [(299, False), (300, False), (301, True)])
def test_it_is_over_a_threshold_only_above_it(balance, over):
    assert Utilization(balance, 1000).is_over(30) is over


@given(st.integers(0, 10**8), st.integers(1, 10**8))
def test_it_pays_down_exactly_to_the_threshold(balance, limit):
    utilization = Utilization(balance, limit)
    for threshold in THRESHOLDS:
        cents_left = 100 * balance - int(utilization.paydown_to(threshold) * 100)
        assert cents_left >= 0
        # What is left, in cents, is no more than the threshold, and paying one cent less would exceed it.
        assert 100 * cents_left <= threshold * limit * 100
        assert utilization.is_over(threshold) == (utilization.paydown_to(threshold) > 0)
