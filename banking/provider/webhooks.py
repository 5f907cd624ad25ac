"""Webhooks of a provider, verified."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class WebhookKind(StrEnum):
    """What a webhook says, in the same words for every provider. ``banking.sync.webhook_events`` says what follows."""

    TRANSACTIONS_CHANGED = "transactions_changed"
    ITEM_ERROR = "item_error"
    LOGIN_REPAIRED = "login_repaired"
    # The bank will end the access at a known time, unless the user signs in before.
    ACCESS_ENDING = "access_ending"
    ACCESS_REVOKED = "access_revoked"
    ACCOUNT_REVOKED = "account_revoked"
    NEW_ACCOUNTS = "new_accounts"
    WEBHOOK_UPDATED = "webhook_updated"
    RECURRING_CHANGED = "recurring_changed"
    HOLDINGS_CHANGED = "holdings_changed"
    INVESTMENTS_CHANGED = "investments_changed"
    LIABILITIES_CHANGED = "liabilities_changed"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class VerifiedWebhook:
    """A verified webhook: the Item that it names, and its type and code. It is a hint to read the Item, never data.

    ``type`` and ``code`` are the provider's own. ``fingerprint`` is the same for every copy of one signed delivery, and
    different for every other delivery. ``link_token_hash`` is the SHA-256 of the link token that a webhook about a
    dialog names, and empty for all others. ``summary`` has the few fields that explain it to operators: flags, codes
    and times, and never a token or an amount. If the access is ending, it has the ``expiry_reason`` and, if that is
    known, when (``expires_at``); if an account was revoked, its ``account_id``.
    """

    provider: str
    environment: str
    provider_item_id: str
    kind: WebhookKind
    type: str
    code: str
    fingerprint: str
    issued_at: datetime
    summary: Mapping[str, str | bool] = field(default_factory=dict)
    link_token_hash: str = ""


class WebhookRejected(Exception):
    """The request is not a genuine webhook of the provider. ``reason`` is one word for logs and counters."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WebhookNotVerifiable(Exception):
    """The webhook may be genuine, but cannot be verified now. Respond with 503, and the provider sends it again."""
