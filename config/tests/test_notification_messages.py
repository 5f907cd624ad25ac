"""Every notification message keeps its English text, is marked for translation, and fits its columns."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import pytest

from accounts.models import Notification
from accounts.notifications.messages import (
    NotificationMessage,
    UnknownMessage,
    decode_message,
    encode_values,
    list_messages,
)
from accounts.privacy.retention.notification_messages import RetentionNoticeMessage
from banking.notification_messages import (
    ConnectionExpiringMessage,
    ConnectionLostMessage,
    LargeTransactionMessage,
    LargeTransactionsMessage,
    LinkFailedMessage,
    LostAccess,
)
from config.tests.pseudo_locale import find_untranslated_words, pseudo_locale, to_greek
from credit.changes.notification_messages import CreditChangeMessage
from credit.diffing import Change, ChangeType, Severity
from credit.pulls.notification_messages import PullsStoppedMessage
from credit.statuses import EnrollmentStatus
from insights.cash_flow.notification_messages import LowRunwayMessage

# Without ASCII letters, so that those in a sentence are the site's own.
BANK: Final = to_greek("Platypus")
SHOP: Final = to_greek("Starbucks")


def make_connection_lost(state: LostAccess, bank: str = BANK, code: str = "ITEM_LOGIN_REQUIRED") -> NotificationMessage:
    return ConnectionLostMessage(state=state, bank=bank, provider="plaid", error_code=code)


def make_connection_expiring(bank: str) -> NotificationMessage:
    return ConnectionExpiringMessage(bank=bank, expires_at=datetime(2026, 12, 7, 12, tzinfo=UTC))


def make_large_transaction(
    amount: str, *, shop: str = SHOP, mask: str = "0000", bank: str = BANK
) -> NotificationMessage:
    return LargeTransactionMessage(
        amount=Decimal(amount), currency="USD", counterparty=shop, account=to_greek("Checking"), mask=mask, bank=bank
    )


def make_large_transactions(amount: str, *, shop: str = SHOP, bank: str = BANK) -> NotificationMessage:
    return LargeTransactionsMessage(count=3, bank=bank, amount=Decimal(amount), currency="USD", counterparty=shop)


def make_score_change(points: int) -> NotificationMessage:
    change = Change(ChangeType.SCORE_CHANGED, "score", Severity.NOTICE, "FICO 8", before=700, after=700 + points)
    return CreditChangeMessage(change=change)


SIGN_IN: Final = f"{BANK} needs you to sign in again. This can happen after a password change."
RECONNECT: Final = "Reconnect before then to keep syncing."
RUNWAY_TEXT: Final = "This counts your bank balance and the net cash flow of the last 30 days in "
CHECKING: Final = to_greek("Checking")
EXAMPLES: Final[list[tuple[NotificationMessage, str, str]]] = [
    (make_connection_lost(LostAccess.REAUTH), f"{BANK} needs you to sign in again", SIGN_IN),
    (make_connection_lost(LostAccess.REAUTH, code="NEW"), f"{BANK} needs you to sign in again", ""),
    (make_connection_lost(LostAccess.REAUTH, "", "NEW"), "Your bank needs you to sign in again", ""),
    (make_connection_lost(LostAccess.REPAIR, code="NEW"), f"{BANK} needs to be reconnected", ""),
    (make_connection_lost(LostAccess.REPAIR, "", "NEW"), "Your bank needs to be reconnected", ""),
    (make_connection_lost(LostAccess.DISCONNECTED, code="NEW"), f"We no longer have access to {BANK}", ""),
    (make_connection_lost(LostAccess.DISCONNECTED, "", "NEW"), "We no longer have access to your bank", ""),
    (make_connection_expiring(BANK), f"Access to {BANK} ends on Dec 7, 2026", RECONNECT),
    (make_connection_expiring(""), "Access to your bank ends on Dec 7, 2026", RECONNECT),
    (
        LinkFailedMessage(provider="Plaid"),
        "A bank wasn't connected",
        "We couldn't finish connecting your bank through Plaid. Connect it again.",
    ),
    (make_large_transaction("-1234.50"), f"$1,234.50 went out: {SHOP}", f"{CHECKING} ••0000, {BANK}."),
    (make_large_transaction("20", shop="", mask="", bank=""), "$20.00 came in: Unknown", f"{CHECKING}."),
    (make_large_transactions("-7"), f"3 large transactions at {BANK}", f"Largest: $7.00 out, {SHOP}."),
    (
        make_large_transactions("7", shop="", bank=""),
        "3 large transactions at your bank",
        "Largest: $7.00 in, Unknown.",
    ),
    (LowRunwayMessage(months=2, currency="USD"), "About 2 months of runway left", f"{RUNWAY_TEXT}USD."),
    (LowRunwayMessage(months=1, currency="EUR"), "About 1 month of runway left", f"{RUNWAY_TEXT}EUR."),
    (LowRunwayMessage(months=0, currency=""), "Less than a month of runway left", f"{RUNWAY_TEXT}an unnamed currency."),
    (
        RetentionNoticeMessage(data_type="transactions", days=90, count=1, starts_on=date(2026, 11, 29)),
        "Old data will be deleted on Nov 29, 2026",
        "Transactions, kept for: 90 days. The first deletion takes 1 entry. You can still change this.",
    ),
    (
        RetentionNoticeMessage(data_type="transactions", days=30, count=1200, starts_on=date(2026, 11, 29)),
        "Old data will be deleted on Nov 29, 2026",
        "Transactions, kept for: 30 days. The first deletion takes 1,200 entries. You can still change this.",
    ),
    (PullsStoppedMessage(status=EnrollmentStatus.DETAILS_LOST), "Enter your details again", ""),
    (make_score_change(12), "FICO 8 rose 12 points", "From 700 to 712."),
    (make_score_change(1), "FICO 8 rose 1 point", "From 700 to 701."),
]
# The examples, and the messages of every status and of every type of change.
MESSAGES: Final = [
    *(message for message, _title, _text in EXAMPLES),
    *(PullsStoppedMessage(status=status) for status in EnrollmentStatus if status is not EnrollmentStatus.READY),
    *(CreditChangeMessage(change=Change(type, "x", Severity.HIGH, name=BANK, key="k")) for type in ChangeType),
]


def test_it_has_an_example_of_every_message() -> None:
    registered = {message for message in list_messages() if ".tests." not in message.__module__}

    assert {type(message) for message in MESSAGES} == registered


@pytest.mark.parametrize(("message", "title", "text"), EXAMPLES)
def test_it_keeps_its_english_text(message: NotificationMessage, title: str, text: str) -> None:
    assert message.describe() == (title, text)


@pytest.fixture(scope="module")
def pseudo_texts() -> dict[str, tuple[str, str]]:
    """Title and text of each message in the pseudo-locale, which takes a quarter of a second to activate."""
    with pseudo_locale():
        return {repr(message): message.describe() for message in MESSAGES}


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_it_is_marked_for_translation(message: NotificationMessage, pseudo_texts: dict[str, tuple[str, str]]) -> None:
    title, text = pseudo_texts[repr(message)]

    assert title
    assert find_untranslated_words(f"{title} {text}") == []


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_it_decodes_what_it_encodes(message: NotificationMessage) -> None:
    assert decode_message(message.code, encode_values(message)) == message


@pytest.mark.parametrize("name", ["type", "severity", "name", "before", "after", "detail", "key"])
def test_it_refuses_a_change_with_other_field_names(name: str) -> None:
    stored = encode_values(make_score_change(-700))
    assert f'"{name}":' in stored

    with pytest.raises(UnknownMessage):
        decode_message(CreditChangeMessage.code, stored.replace(f'"{name}":', f'"earlier_{name}":'))


def test_it_has_room_for_every_code() -> None:
    longest = Notification._meta.get_field("code").max_length

    assert [message.code for message in list_messages() if len(message.code) > longest] == []
