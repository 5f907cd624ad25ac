"""The personal data of the access to banks at the provider: how it began and ended, and the provider's messages."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from banking.models import LinkSession, OrphanedRemoval, PendingRemoval, WebhookEvent
from banking.personal_data.periods import ACCESS, UNTIL_DELETION
from banking.webhooks import inbox
from compliance.personal_data import DataCategory, DataHolder, ExportFile

HOLDERS: Final = (
    DataHolder(
        model=PendingRemoval,
        category=DataCategory.BANK,
        label=_("Connections that we're removing at the provider"),
        kept_for=_("Until the provider confirms the removal"),
        exported=("id", "item_id", "history"),
        files=(ExportFile(name="bank/removals.jsonl"),),
        withheld={"access_token": ACCESS},
        technical=frozenset({"attempts", "next_attempt_at", "error_code"}),
    ),
    DataHolder(
        model=OrphanedRemoval,
        category=DataCategory.BANK,
        label=_("Connections of deleted accounts, and unfinished ones, that we're removing at the provider"),
        kept_for=_("Until the provider confirms the removal"),
        owner="",
        withheld={"access_token": ACCESS},
        technical=frozenset(
            {
                "id",
                "owner",
                "provider",
                "environment",
                "provider_item_id",
                "link_session_id",
                "request_id",
                "attempts",
                "next_attempt_at",
                "error_code",
                "created_at",
            }
        ),
        kept_after_erasure=_(
            "If the provider of a bank connection hasn't confirmed yet that our access ended, the access token stays "
            "until it does, encrypted with a key of this site. If we can't read the token, or never received it, only "
            "the ids stay by which the provider finds the connection."
        ),
    ),
    DataHolder(
        model=LinkSession,
        category=DataCategory.BANK,
        label=_("When you opened the dialog that connects a bank"),
        kept_for=UNTIL_DELETION,
        exported=("id", "provider", "environment", "state", "item_id", "replaces_id", "account_keys", "created_at"),
        withheld={"link_token": ACCESS},
        files=(ExportFile(name="bank/link_sessions.jsonl"),),
        technical=frozenset(
            {
                "link_token_hash",
                "resumed_at",
                "public_token_hash",
                "claimed_at",
                "exchange_sent_at",
                "next_recovery_at",
                "recovery_attempts",
                "is_update_mode",
                "selects_accounts",
                "error_code",
                "link_session_id",
                "exit_status",
                "request_id",
                "expires_at",
            }
        ),
    ),
    # It names an Item by the provider's id. Only the site reads it, and operators a view without that id.
    DataHolder(
        model=WebhookEvent,
        category=DataCategory.BANK,
        label=_("Messages from the provider that one of your bank connections has changed"),
        kept_for=_("30 days"),
        owner="",
        technical=frozenset(
            {
                "id",
                "owner",
                "fingerprint",
                "provider",
                "environment",
                "kind",
                "type",
                "code",
                "provider_item_id",
                "link_token_hash",
                "summary",
                "issued_at",
                "received_at",
                "outcome",
                "attempts",
                "next_attempt_at",
                "processed_at",
                "error_code",
            }
        ),
        erase=inbox.erase_events,
    ),
)
