"""Matching cards at banks with accounts of a credit report: suggestions, and the user's decisions."""

from collections.abc import Callable
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.linking.disconnecting import disconnect_bank
from banking.models import Account, Item
from banking.tests.factories import make_account
from compliance.isolation import tenant
from credit.tests.experian_samples import card, parse_sample
from credit.tests.factories import store_report
from insights.credit.card_links import LinkDecision, list_decisions, match_cards, record_decision, suggest_matches
from insights.models import CardLink


def build_tradelines(*cards):
    return parse_sample(tradeline=list(cards)).tradelines


def build_card(bank="Lakeshore Bank", *, mask="1001", limit="12000", name="", currency="USD"):
    limit = None if limit is None else Decimal(limit)
    account = Account(
        item=Item(institution_name=bank), mask=mask, limit=limit, official_name=name, currency=currency, type="credit"
    )
    account.former_accounts = []
    return account


def suggest_masks(accounts, *cards):
    """Return the suggestions as {creditor of the account: mask of the card}."""
    creditors = {account.key: account.creditor for account in accounts}
    return {creditors[key]: card.mask for key, card in suggest_matches(accounts, cards).items()}


def test_it_suggests_the_card_with_the_same_limit_and_digits():
    assert suggest_masks(build_tradelines(card(subscriberName="CBNA")), build_card("Some Other Bank")) == {
        "CBNA": "1001"
    }


def test_it_suggests_the_card_with_the_same_limit_and_name():
    assert suggest_masks(build_tradelines(card(accountNumber="0000000000")), build_card(mask="4242")) == {
        "LAKESHORE BANK": "4242"
    }


@pytest.mark.parametrize(
    ("creditor", "bank"),
    [("CITI", "Citibank"), ("JPMCB CARD", "Chase"), ("AMEX", "American Express"), ("WF CRD SVC", "Wells Fargo")],
)
def test_it_recognizes_banks_by_their_names_in_reports(creditor, bank):
    accounts = build_tradelines(card(subscriberName=creditor, accountNumber="0000000000"))
    assert suggest_masks(accounts, build_card(bank, mask="")) == {creditor: ""}


@pytest.mark.parametrize(
    ("limit", "suggested"), [("12120", True), ("11880", True), ("12120.01", False), ("11879", False)]
)
def test_it_accepts_limits_that_differ_by_one_percent(limit, suggested):
    assert bool(suggest_masks(build_tradelines(card()), build_card(limit=limit))) is suggested


@pytest.mark.parametrize(
    "card_at_bank",
    [
        build_card(mask="9999"),
        build_card(limit=None),
        build_card(limit="0"),
        build_card("First National Bank", mask=""),
        build_card(currency="CAD"),
    ],
    ids=["other-digits", "no-limit", "zero-limit", "common-words-only", "other-currency"],
)
def test_it_suggests_nothing_with_contradicting_or_missing_data(card_at_bank):
    assert suggest_masks(build_tradelines(card()), card_at_bank) == {}


def test_it_treats_digits_that_are_all_zeros_as_missing():
    assert suggest_masks(build_tradelines(card(accountNumber="0000000000")), build_card("Other", mask="0000")) == {}


def test_it_suggests_nothing_if_two_cards_are_equally_likely():
    assert (
        suggest_masks(build_tradelines(card(accountNumber="0000000000")), build_card(mask="1"), build_card(mask="2"))
        == {}
    )
    equal_accounts = build_tradelines(
        card(accountNumber="0000000000"), card(accountNumber="0000000000", openDate="01012019")
    )
    assert suggest_masks(equal_accounts, build_card(mask="1")) == {}


def test_it_matches_each_card_once_and_the_most_certain_pair_first():
    accounts = build_tradelines(card(), card(subscriberName="LAKESHORE STORE", accountNumber="0000000000"))
    assert suggest_masks(accounts, build_card(), build_card(mask="2002")) == {
        "LAKESHORE BANK": "1001",
        "LAKESHORE STORE": "2002",
    }


def test_it_suggests_nothing_without_a_bank():
    assert suggest_matches(build_tradelines(card()), []) == {}


# --- The user's decisions ---------------------------------------------------------------------------------


def build_link(tradeline_key: Account, key: str, same: bool) -> CardLink:
    return CardLink(account=tradeline_key, key=key, same=same)


def test_it_prefers_the_users_decision_to_a_suggestion():
    accounts = build_tradelines(
        card(), card(subscriberName="BEACON CARD", subscriberCode="2", accountNumber="5000000000002002")
    )
    similar_card, other_card = build_card(), build_card("Other Bank", mask="7777", limit="500")
    matches = match_cards(accounts, [similar_card, other_card], [build_link(other_card, accounts[0].key, True)])
    assert {key: (match.card, match.confirmed) for key, match in matches.items()} == {
        accounts[0].key: (other_card, True)
    }


def test_it_does_not_suggest_a_rejected_pair():
    (account,), similar_card = build_tradelines(card()), build_card()
    assert match_cards([account], [similar_card], [])[account.key].confirmed is False
    assert match_cards([account], [similar_card], [build_link(similar_card, account.key, False)]) == {}


def test_it_ignores_decisions_about_removed_cards_and_accounts():
    (account,), removed_card, similar_card = build_tradelines(card()), build_card(), build_card()
    assert (
        match_cards([account], [similar_card], [build_link(removed_card, account.key, True)])[account.key].card
        is similar_card
    )
    assert (
        match_cards([account], [similar_card], [build_link(similar_card, "an account that left the file", True)])[
            account.key
        ].card
        is similar_card
    )


@pytest.fixture
def tradeline_key(alice: User) -> str:
    """The key of the only card in Alice's report."""
    report = parse_sample(tradeline=[card()])
    store_report(alice, report)
    return report.tradelines[0].key


@pytest.fixture
def visa(alice: User, make_item: Callable[..., Item]) -> Account:
    return make_account(make_item(alice), type="credit", mask="1001", limit=Decimal(12_000), current=Decimal("1240.55"))


def list_links(user: User) -> list[tuple[str, object, bool]]:
    with tenant(user.pk):
        return [(link.key, link.account_id, link.same) for link in list_decisions(user=user)]


@pytest.mark.django_db
class TestThePage:
    def post_decision(self, client: Client, key: str, account_id: object, decision: str, status: int = 302) -> None:
        assert client.post(reverse("card_link", args=[key, account_id]), {"decision": decision}).status_code == status

    def get_page(self, client: Client) -> str:
        return client.get(reverse("credit_utilization")).content.decode()

    def test_it_asks_and_stores_a_confirmation(
        self, as_alice: Client, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        assert "Is this the same card?" in self.get_page(as_alice)
        self.post_decision(as_alice, tradeline_key, visa.pk, "same")
        assert list_links(alice) == [(tradeline_key, visa.pk, True)]
        body = self.get_page(as_alice)
        assert "You confirmed this is the same card" in body
        assert "Is this the same card?" not in body

    def test_it_stores_a_rejection_and_does_not_ask_again(
        self, as_alice: Client, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        self.post_decision(as_alice, tradeline_key, visa.pk, "different")
        assert list_links(alice) == [(tradeline_key, visa.pk, False)]
        assert "1,240.55" not in self.get_page(as_alice)

    def test_it_forgets_a_decision_on_request(
        self, as_alice: Client, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        for decision in ("same", "same", "forget", "forget"):
            self.post_decision(as_alice, tradeline_key, visa.pk, decision)
        assert list_links(alice) == []
        assert "Is this the same card?" in self.get_page(as_alice)

    def test_it_replaces_the_previous_pair(
        self, as_alice: Client, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        other_card = make_account(visa.item, type="credit", mask="2002", limit=Decimal(500))
        self.post_decision(as_alice, tradeline_key, visa.pk, "same")
        self.post_decision(as_alice, tradeline_key, other_card.pk, "same")
        assert list_links(alice) == [(tradeline_key, other_card.pk, True)]

    @pytest.mark.parametrize("decision", [LinkDecision.FORGET, LinkDecision.DIFFERENT])
    def test_it_replaces_a_decision_about_a_former_account_of_the_card(
        self, alice: User, tradeline_key: str, visa: Account, decision: LinkDecision
    ) -> None:
        new_card = make_account(visa.item, type="credit", mask="1001", limit=Decimal(12_000))
        with tenant(alice.pk):
            record_decision(user=alice, key=tradeline_key, account_id=visa.pk, decision=LinkDecision.SAME)
            Account.objects.filter(pk=visa.pk).update(successor=new_card)
            record_decision(user=alice, key=tradeline_key, account_id=new_card.pk, decision=decision)
        assert [same for _key, _account, same in list_links(alice)] == [False] * (decision is LinkDecision.DIFFERENT)

    def test_it_keeps_a_card_with_former_accounts_in_one_pair(
        self, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        new_card = make_account(visa.item, type="credit", mask="1001", limit=Decimal(12_000))
        with tenant(alice.pk):
            record_decision(user=alice, key="another account", account_id=visa.pk, decision=LinkDecision.SAME)
            Account.objects.filter(pk=visa.pk).update(successor=new_card)
            record_decision(user=alice, key=tradeline_key, account_id=new_card.pk, decision=LinkDecision.SAME)
        assert list_links(alice) == [(tradeline_key, new_card.pk, True)]

    @pytest.mark.parametrize("decision", ["", "junk", "SAME", "\0"])
    def test_it_rejects_other_decisions(
        self, as_alice: Client, tradeline_key: str, visa: Account, decision: str
    ) -> None:
        self.post_decision(as_alice, tradeline_key, visa.pk, decision, status=404)

    def test_it_rejects_unknown_accounts_and_cards(
        self, as_alice: Client, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        checking = make_account(visa.item)
        self.post_decision(as_alice, "0" * 32, visa.pk, "same", status=404)
        self.post_decision(as_alice, tradeline_key, uuid4(), "same", status=404)
        self.post_decision(as_alice, tradeline_key, checking.pk, "same", status=404)
        assert list_links(alice) == []

    def test_it_rejects_decisions_about_another_users_card(
        self, as_mallory: Client, mallory: User, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        self.post_decision(as_mallory, tradeline_key, visa.pk, "same", status=404)
        store_report(mallory, parse_sample(tradeline=[card()]))
        self.post_decision(as_mallory, tradeline_key, visa.pk, "same", status=404)
        assert list_links(mallory) == list_links(alice) == []

    def test_it_deletes_decisions_with_the_banks_history(
        self, alice: User, tradeline_key: str, visa: Account, provider: object
    ) -> None:
        with tenant(alice.pk):
            record_decision(user=alice, key=tradeline_key, account_id=visa.pk, decision=LinkDecision.SAME)
        disconnect_bank(user=alice, item_id=visa.item_id, keep_history=False)
        assert list_links(alice) == []

    @pytest.mark.parametrize("key", ["one", "two"])
    def test_it_cannot_store_two_pairs_of_a_card(self, alice: User, visa: Account, key: str) -> None:
        with tenant(alice.pk):
            CardLink.objects.create(owner=alice, account=visa, key="one", same=True)
            with pytest.raises(IntegrityError), transaction.atomic():
                CardLink.objects.create(owner=alice, account=visa, key=key, same=True)


def test_it_applies_decisions_about_former_accounts_of_a_card():
    (account,) = build_tradelines(card(subscriberName="CBNA"))
    former_card, current_card, other_card = (
        build_card("Some Other Bank"),
        build_card("Some Other Bank"),
        build_card("Some Other Bank"),
    )
    current_card.former_accounts = [former_card]
    confirmed = match_cards([account], [current_card, other_card], [build_link(former_card, account.key, True)])[
        account.key
    ]
    assert (confirmed.card, confirmed.confirmed) == (current_card, True)
    assert match_cards([account], [current_card], [build_link(former_card, account.key, False)]) == {}
