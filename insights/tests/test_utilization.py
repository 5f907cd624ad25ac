"""The utilization page."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.models import Item
from banking.tests.factories import make_account
from credit.tests.experian_samples import card, loan, parse_sample
from credit.tests.factories import store_report
from insights.credit import utilization

OVER_LIMIT = {"subscriberName": "HARBOR STORE CARD", "subscriberCode": "2", "accountNumber": "4000000000003002"}
SHARED = {"subscriberName": "UNION TRAVEL CARD", "subscriberCode": "3", "ecoa": "3"}


def card_with_limit(limit: str, balance: str, **changes: object) -> dict[str, object]:
    return card(balanceAmount=balance, enhanced={"creditLimitAmount": limit}, **changes)


LINES = [
    card_with_limit("12000", "1140"),
    card_with_limit("1000", "1015", **OVER_LIMIT),
    card_with_limit("8000", "4000", **SHARED),
    loan(),
]


def build_page(lines: list[dict[str, object]] = LINES, *, own: bool = False) -> utilization.UtilizationPage:
    return utilization.utilization_page(parse_sample(tradeline=lines).tradelines, [], own=own)


def test_it_lists_the_highest_utilization_first_with_amounts_to_pay() -> None:
    utilization_page = build_page()
    assert [(row.account.creditor, str(row.use.percent)) for row in utilization_page.cards] == [
        ("HARBOR STORE CARD", "101.5"),
        ("UNION TRAVEL CARD", "50.0"),
        ("LAKESHORE BANK", "9.5"),
    ]
    assert [(mark.percent, mark.pay) for mark in utilization_page.cards[0].marks] == [
        (75, Decimal(265)),
        (50, Decimal(515)),
        (30, Decimal(715)),
    ]
    # Exactly at a threshold is not above it.
    assert [(mark.percent, mark.pay) for mark in utilization_page.cards[1].marks] == [(30, Decimal(1600))]
    assert utilization_page.cards[2].marks == ()


def test_it_sums_all_cards_and_excludes_shared_ones_on_request() -> None:
    assert build_page().overall == (6155, 21_000)
    assert build_page(own=True).overall == (2155, 13_000)
    assert build_page().has_shared
    assert build_page(own=True).has_shared
    assert not build_page([card_with_limit("12000", "1140")]).has_shared


def test_it_has_no_total_without_cards() -> None:
    utilization_page = build_page([loan()])
    assert (utilization_page.overall, utilization_page.cards, utilization_page.marks) == (None, (), ())


# --- The page ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestThePage:
    def get_page(self, client: Client, query: str = "") -> str:
        response = client.get(reverse("credit_utilization") + query)
        assert response.status_code == 200
        return response.content.decode()

    def test_it_shows_both_balances_and_asks_to_confirm_the_pair(
        self, as_alice: Client, alice: User, make_item: Callable[..., Item]
    ) -> None:
        store_report(alice, parse_sample(tradeline=LINES))
        item = make_item(alice)
        make_account(item, type="credit", mask="1001", limit=Decimal(12_000), current=Decimal("1240.55"), name="Visa")
        body = self.get_page(as_alice)
        assert "$1,140 of $12,000, reported Nov 9, 2026" in body
        assert "$1,240.55" in body
        assert body.count("Is this the same card?") == 1

    def test_it_never_shows_another_users_bank(
        self, as_alice: Client, alice: User, mallory: User, make_item: Callable[..., Item]
    ) -> None:
        store_report(alice, parse_sample(tradeline=LINES))
        item = make_item(mallory)
        make_account(item, type="credit", mask="1001", limit=Decimal(12_000), current=Decimal("1240.55"))
        assert "1,240.55" not in self.get_page(as_alice)

    def test_it_excludes_shared_cards_on_request(self, as_alice: Client, alice: User) -> None:
        store_report(alice, parse_sample(tradeline=LINES))
        assert "UNION TRAVEL CARD" in self.get_page(as_alice)
        assert "UNION TRAVEL CARD" not in self.get_page(as_alice, "?own=1")
        assert "UNION TRAVEL CARD" in self.get_page(as_alice, "?own=junk")

    def test_it_lists_accounts_that_do_not_count_separately(self, as_alice: Client, alice: User) -> None:
        no_limit = card(subscriberName="UNION CHARGE CARD", amount1=None, enhanced={"creditLimitAmount": None})
        silent = card(subscriberName="QUIET CARD", subscriberCode="9", balanceAmount="UNKNOWN")
        home = card(subscriberName="CEDAR HOME", accountType="47", enhanced={"enhancedAccountType": "89"})
        store_report(alice, parse_sample(tradeline=[no_limit, silent, home]))
        body = self.get_page(as_alice)
        assert "Credit limit not reported. Balance $1,140." in body
        assert "Balance not reported. Credit limit $12,000." in body
        assert "Home equity line, not counted with cards." in body
        assert "Not reported. No open card has both a credit limit and a balance." in body
