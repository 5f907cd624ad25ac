"""Which card at a bank is which account in a credit report: suggested by us, confirmed or rejected by the user.

A pair is suggested if the credit limits agree within one percent, nothing contradicts it, and the last four digits are
the same or the bank's name is the creditor's. Both balances are shown side by side, each with its date, and never
merged.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from banking.models import Account
from credit.report import Tradeline
from insights.models import CardLink

# Digits and name agree, only the digits agree, only the name agrees.
CONFIDENCE_LEVELS = (3, 2, 1)

# Words that are part of many banks' names.
GENERIC_WORDS = frozenset(
    {"bank", "na", "nb", "usa", "us", "inc", "co", "corp", "the", "of", "and", "first", "national", "credit", "union"}
    | {"card", "cards", "cc", "fcu", "cu", "federal", "financial", "trust", "savings", "services", "store", "fsb"}
)
WORD = re.compile(r"[a-z0-9]+")
# Names under which banks report, if they share no word with the bank's own name.
ALIASES = {
    "amex": "american",
    "bk": "bank",
    "boa": "america",
    "bofa": "america",
    "capone": "capital",
    "cbna": "citibank",
    "citi": "citibank",
    "jpmcb": "chase",
    "thd": "home",
    "wf": "wells",
}


class LinkDecision(StrEnum):
    """A user's decision about a pair."""

    SAME = "same"
    DIFFERENT = "different"
    FORGET = "forget"


class CardMatch(NamedTuple):
    """A card at a bank that is an account of the report: confirmed by the user, or suggested."""

    card: Account
    confirmed: bool


def record_decision(*, user: User, key: str, account_id: UUID, decision: LinkDecision) -> None:
    """Store a user's decision about a pair. A card and a tradeline are each in one pair at most.

    It replaces decisions about the card's former accounts. Raises ``Account.DoesNotExist`` for another user's card.
    """
    with transaction.atomic():
        # Locked, so that two decisions at the same time leave one pair.
        cards = Account.objects.for_user(user).filter(type="credit").select_for_update().order_by("pk")
        card = next((card for card in cards if card.pk == account_id), None)
        if card is None:
            raise Account.DoesNotExist
        links, card_ids = CardLink.objects.for_user(user), [row.pk for row in card.with_former_accounts]
        links.filter(key=key, account__in=card_ids).delete()
        if decision is LinkDecision.SAME:
            links.filter(Q(key=key) | Q(account__in=card_ids), same=True).delete()
        if decision is not LinkDecision.FORGET:
            CardLink.objects.create(
                owner_id=user.pk, account_id=account_id, key=key, same=decision is LinkDecision.SAME
            )


def list_decisions(*, user: User) -> list[CardLink]:
    """All decisions of a user about pairs; one query."""
    return list(CardLink.objects.for_user(user))


def match_cards(
    accounts: Sequence[Tradeline], cards: Sequence[Account], links: Iterable[CardLink]
) -> dict[str, CardMatch]:
    """Pair accounts of a report with cards at banks: first by the user's decisions, then by matching.

    A pair that the user rejected is not suggested again. The result's keys are the accounts' keys.
    """
    by_id = {row.pk: card for card in cards for row in card.with_former_accounts}
    keys, links = {account.key for account in accounts}, list(links)
    confirmed = {
        link.key: CardMatch(by_id[link.account_id], confirmed=True)
        for link in links
        if link.same and link.account_id in by_id and link.key in keys
    }
    matched_ids = {match.card.pk for match in confirmed.values()}
    suggested = suggest_matches(
        [account for account in accounts if account.key not in confirmed],
        [card for card in cards if card.pk not in matched_ids],
        denied={(link.key, by_id[link.account_id].pk) for link in links if not link.same and link.account_id in by_id},
    )
    return confirmed | {key: CardMatch(card, confirmed=False) for key, card in suggested.items()}


def suggest_matches(
    accounts: Sequence[Tradeline], cards: Iterable[Account], *, denied: Collection[tuple[str, UUID]] = ()
) -> dict[str, Account]:
    """Pair accounts that match, the most certain first. If two are equally likely, suggest neither."""
    pairs = [
        (confidence, line, card)
        for card in cards
        for line in accounts
        if (confidence := _match_confidence(line, card)) and (line.key, card.pk) not in denied
    ]
    matches: dict[str, Account] = {}
    matched_ids: set[UUID] = set()
    for level in CONFIDENCE_LEVELS:
        free = [(line, card) for confidence, line, card in pairs if confidence == level]
        free = [(line, card) for line, card in free if line.key not in matches and card.pk not in matched_ids]
        lines, banks = Counter(line.key for line, _card in free), Counter(card.pk for _line, card in free)
        unambiguous = [(line, card) for line, card in free if lines[line.key] == banks[card.pk] == 1]
        matches |= {line.key: card for line, card in unambiguous}
        matched_ids |= {card.pk for _line, card in unambiguous}
    return matches


def _match_confidence(line: Tradeline, card: Account) -> int:
    """Zero for no match; one if the name agrees, two if the digits do, three for both."""
    if not _is_same_limit(line.limit, card.limit) or card.currency not in ("", "USD"):
        return 0
    mask = card.mask if card.mask.strip("0") else ""
    if line.last_four and mask and line.last_four != mask:
        return 0
    digits = bool(line.last_four and line.last_four == mask)
    name = bool(
        _distinctive_words(line.creditor) & _distinctive_words(f"{card.item.institution_name} {card.official_name}")
    )
    return 2 * digits + name


def _is_same_limit(reported: int | None, limit: Decimal | None) -> bool:
    """Whether two limits agree within one percent: banks report whole dollars, and some last month's limit."""
    return bool(reported and limit and abs(limit - reported) * 100 <= reported)


def _distinctive_words(text: str) -> set[str]:
    parts = (ALIASES.get(part, part) for part in WORD.findall(text.lower()))
    return {part for part in parts if part not in GENERIC_WORDS and len(part) > 1}
