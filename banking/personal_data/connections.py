"""The personal data of connections to banks."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django.utils.translation import gettext_lazy as _

from banking.models import Connection, Institution, Item, ItemProduct
from banking.personal_data.periods import ACCESS, UNTIL_DELETION
from compliance.personal_data import DataCategory, DataHolder, ExportFile, RestoredRows

# The states of a connection that the user has ended, or that is being ended.
DISCONNECTED: Final = frozenset({Connection.REMOVING.value, Connection.REMOVED.value})


def read_institution(item: Item) -> dict[str, str] | None:
    """Return a connection's bank by the provider's id, which is the same on every site."""
    bank = item.institution
    return None if bank is None else {"provider": bank.provider, "provider_id": bank.provider_id}


def is_disconnected(item: Item) -> bool:
    """Whether the user has disconnected the bank."""
    return item.connection in DISCONNECTED


def parse_institution(text: bytes) -> Mapping[str, Any]:
    """Find a restored connection's bank, or store it without a name.

    All users share its row, so nothing of it is taken from a file: the next sync of anybody fetches what it is called.
    """
    bank = msgspec.json.decode(text)
    if bank is None:
        return {"institution_id": None}
    key = {"provider": bank["provider"], "provider_id": bank["provider_id"]}
    return {"institution_id": Institution.objects.get_or_create(**key)[0].pk}


def parse_connection(text: bytes) -> Mapping[str, Any]:
    """Return the state of a restored connection. It has no token, so its user has to connect the bank again."""
    return {"connection": Connection.REMOVED if text == b"true" else Connection.REVOKED}


HOLDERS: Final = (
    DataHolder(
        model=Item,
        category=DataCategory.BANK,
        label=_("Your bank connections"),
        kept_for=UNTIL_DELETION,
        exported=(
            "id",
            "provider",
            "environment",
            "provider_item_id",
            "institution_name",
            "connection",
            "readiness",
            "days_requested",
            "connected_at",
            "checked_at",
            "data_as_of",
            "removed_at",
            "skipped_transactions",
            "error_code",
            "error_reason",
            "fault",
            "expires_at",
            "expiry_reason",
            "new_accounts_at",
        ),
        withheld={"access_token": ACCESS},
        technical=frozenset(
            {
                "cursor",
                "read_at",
                "expiry_reminder",
                "failures",
                "request_id",
                "next_sync_at",
                "claimed_until",
                "webhook_url",
                "webhook_claimed_until",
                "is_slow",
                "sync_requested_at",
                "refreshed_at",
                "bank_refresh_requested",
                "bank_refreshed_at",
                "bank_refreshes",
                "bank_refresh_until",
                "postponed_syncs",
                "lease_holder",
                "leased_until",
                # The number of the bank's row on this site; the export has the provider's id in its place.
                "institution_id",
            }
        ),
        files=(
            ExportFile(
                name="bank/connections.jsonl",
                columns=(
                    "id",
                    "provider",
                    "environment",
                    "provider_item_id",
                    "institution_name",
                    "readiness",
                    "days_requested",
                    "connected_at",
                    "data_as_of",
                    "removed_at",
                    "skipped_transactions",
                ),
                computed={"institution": read_institution, "is_disconnected": is_disconnected},
                related=("institution",),
                restored=RestoredRows(
                    parsers={"institution": parse_institution, "is_disconnected": parse_connection},
                ),
            ),
            ExportFile(
                name="bank/connection_states.jsonl",
                columns=(
                    "id",
                    "connection",
                    "checked_at",
                    "error_code",
                    "error_reason",
                    "fault",
                    "expires_at",
                    "expiry_reason",
                    "new_accounts_at",
                ),
            ),
        ),
    ),
    DataHolder(
        model=ItemProduct,
        category=DataCategory.BANK,
        label=_("Which data each bank offers, and when we last read it"),
        kept_for=UNTIL_DELETION,
        exported=("id", "item_id", "product", "status", "error_code", "checked_at", "last_ok_at", "skipped_rows"),
        technical=frozenset({"next_read_at", "field_errors"}),
        files=(ExportFile(name="bank/products.jsonl"),),
    ),
)
