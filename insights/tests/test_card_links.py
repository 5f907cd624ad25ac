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
def test_it_knows_banks_by_the_names_that_they_report_under(creditor, bank):
    accounts = build_tradelines(card(subscriberName=creditor, accountNumber="0000000000"))
    assert suggest_masks(accounts, build_card(bank, mask="")) == {creditor: ""}


@pytest.mark.parametrize(
    ("limit", "suggested"), [("12120", True), ("11880", True), ("12120.01", False), ("11879", False)]
)
def test_it_lets_limits_differ_by_one_percent(limit, suggested):
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
def test_it_suggests_nothing_that_is_contradicted_or_bare(card_at_bank):
    assert suggest_masks(build_tradelines(card()), card_at_bank) == {}


def test_it_takes_digits_that_are_all_zeros_for_none():
    assert suggest_masks(build_tradelines(card(accountNumber="0000000000")), build_card("Other", mask="0000")) == {}


def test_it_suggests_nothing_where_two_cards_are_equally_likely():
    assert (
        suggest_masks(build_tradelines(card(accountNumber="0000000000")), build_card(mask="1"), build_card(mask="2"))
        == {}
    )
    twins = build_tradelines(card(accountNumber="0000000000"), card(accountNumber="0000000000", openDate="01012019"))
    assert suggest_masks(twins, build_card(mask="1")) == {}


def test_it_gives_every_card_to_one_account_and_the_surer_pair_first():
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


def test_it_takes_a_persons_word_before_any_likeness():
    accounts = build_tradelines(
        card(), card(subscriberName="BEACON CARD", subscriberCode="2", accountNumber="5000000000002002")
    )
    like, unlike = build_card(), build_card("Other Bank", mask="7777", limit="500")
    matches = match_cards(accounts, [like, unlike], [build_link(unlike, accounts[0].key, True)])
    assert {key: (match.card, match.confirmed) for key, match in matches.items()} == {accounts[0].key: (unlike, True)}


def test_it_suggests_no_pair_that_was_denied():
    (account,), likely = build_tradelines(card()), build_card()
    assert match_cards([account], [likely], [])[account.key].confirmed is False
    assert match_cards([account], [likely], [build_link(likely, account.key, False)]) == {}


def test_it_forgets_a_word_about_what_is_no_longer_there():
    (account,), gone, likely = build_tradelines(card()), build_card(), build_card()
    assert match_cards([account], [likely], [build_link(gone, account.key, True)])[account.key].card is likely
    assert (
        match_cards([account], [likely], [build_link(likely, "an account that left the file", True)])[account.key].card
        is likely
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

    def test_it_asks_and_remembers_yes(self, as_alice: Client, alice: User, tradeline_key: str, visa: Account) -> None:
        assert "Is this the same card?" in self.get_page(as_alice)
        self.post_decision(as_alice, tradeline_key, visa.pk, "same")
        assert list_links(alice) == [(tradeline_key, visa.pk, True)]
        body = self.get_page(as_alice)
        assert "You confirmed this is the same card" in body
        assert "Is this the same card?" not in body

    def test_it_remembers_no_and_asks_no_more(
        self, as_alice: Client, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        self.post_decision(as_alice, tradeline_key, visa.pk, "different")
        assert list_links(alice) == [(tradeline_key, visa.pk, False)]
        assert "1,240.55" not in self.get_page(as_alice)

    def test_it_takes_a_word_back(self, as_alice: Client, alice: User, tradeline_key: str, visa: Account) -> None:
        for decision in ("same", "same", "forget", "forget"):
            self.post_decision(as_alice, tradeline_key, visa.pk, decision)
        assert list_links(alice) == []
        assert "Is this the same card?" in self.get_page(as_alice)

    def test_it_lets_go_of_the_pair_before(
        self, as_alice: Client, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        other = make_account(visa.item, type="credit", mask="2002", limit=Decimal(500))
        self.post_decision(as_alice, tradeline_key, visa.pk, "same")
        self.post_decision(as_alice, tradeline_key, other.pk, "same")
        assert list_links(alice) == [(tradeline_key, other.pk, True)]

    @pytest.mark.parametrize("decision", [LinkDecision.FORGET, LinkDecision.DIFFERENT])
    def test_it_takes_a_word_back_that_was_said_before_the_card_was_read_anew(
        self, alice: User, tradeline_key: str, visa: Account, decision: LinkDecision
    ) -> None:
        now = make_account(visa.item, type="credit", mask="1001", limit=Decimal(12_000))
        with tenant(alice.pk):
            record_decision(user=alice, key=tradeline_key, account_id=visa.pk, decision=LinkDecision.SAME)
            Account.objects.filter(pk=visa.pk).update(successor=now)
            record_decision(user=alice, key=tradeline_key, account_id=now.pk, decision=decision)
        assert [same for _key, _account, same in list_links(alice)] == [False] * (decision is LinkDecision.DIFFERENT)

    def test_it_keeps_a_card_that_was_read_anew_in_one_pair(
        self, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        now = make_account(visa.item, type="credit", mask="1001", limit=Decimal(12_000))
        with tenant(alice.pk):
            record_decision(user=alice, key="another account", account_id=visa.pk, decision=LinkDecision.SAME)
            Account.objects.filter(pk=visa.pk).update(successor=now)
            record_decision(user=alice, key=tradeline_key, account_id=now.pk, decision=LinkDecision.SAME)
        assert list_links(alice) == [(tradeline_key, now.pk, True)]

    @pytest.mark.parametrize("decision", ["", "junk", "SAME", "\0"])
    def test_it_takes_no_other_word(self, as_alice: Client, tradeline_key: str, visa: Account, decision: str) -> None:
        self.post_decision(as_alice, tradeline_key, visa.pk, decision, status=404)

    def test_it_knows_no_other_account_and_no_other_card(
        self, as_alice: Client, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        checking = make_account(visa.item)
        self.post_decision(as_alice, "0" * 32, visa.pk, "same", status=404)
        self.post_decision(as_alice, tradeline_key, uuid4(), "same", status=404)
        self.post_decision(as_alice, tradeline_key, checking.pk, "same", status=404)
        assert list_links(alice) == []

    def test_it_takes_no_word_about_somebody_elses_card(
        self, as_mallory: Client, mallory: User, alice: User, tradeline_key: str, visa: Account
    ) -> None:
        self.post_decision(as_mallory, tradeline_key, visa.pk, "same", status=404)
        store_report(mallory, parse_sample(tradeline=[card()]))
        self.post_decision(as_mallory, tradeline_key, visa.pk, "same", status=404)
        assert list_links(mallory) == list_links(alice) == []

    def test_it_goes_with_the_banks_history(
        self, alice: User, tradeline_key: str, visa: Account, provider: object
    ) -> None:
        with tenant(alice.pk):
            record_decision(user=alice, key=tradeline_key, account_id=visa.pk, decision=LinkDecision.SAME)
        disconnect_bank(user=alice, item_id=visa.item_id, keep_history=False)
        assert list_links(alice) == []

    @pytest.mark.parametrize("key", ["one", "two"])
    def test_it_is_kept_by_the_database_to_one_pair_each(self, alice: User, visa: Account, key: str) -> None:
        with tenant(alice.pk):
            CardLink.objects.create(owner=alice, account=visa, key="one", same=True)
            with pytest.raises(IntegrityError), transaction.atomic():
                CardLink.objects.create(owner=alice, account=visa, key=key, same=True)


def test_it_keeps_a_persons_word_about_a_card_that_is_read_anew():
    (account,) = build_tradelines(card(subscriberName="CBNA"))
    before, now, other = build_card("Some Other Bank"), build_card("Some Other Bank"), build_card("Some Other Bank")
    now.former_accounts = [before]
    confirmed = match_cards([account], [now, other], [build_link(before, account.key, True)])[account.key]
    assert (confirmed.card, confirmed.confirmed) == (now, True)
    assert match_cards([account], [now], [build_link(before, account.key, False)]) == {}
