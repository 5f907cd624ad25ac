"""The personal data of this app's own models."""

from django.utils.translation import gettext_lazy as _

from compliance.models import (
    AuditCheckpoint,
    AuditEvent,
    AuditHead,
    AuditLink,
    ConsentEvent,
    DailyAccess,
    DataKey,
    ErasureReceipt,
    TrailVerification,
)
from compliance.personal_data.holders import DataCategory, DataHolder
from compliance.personal_data.registry import register
from compliance.vault import data_keys

AUDIT_KEPT_FOR = _("365 days, also after your account is deleted; the encrypted details can't be read any more then")
CHAIN_REASON = _(
    "The audit trail stays for 365 days. It names you by a random number only, and its details are unreadable."
)

register(
    DataHolder(
        model=ConsentEvent,
        category=DataCategory.CONSENT,
        label=_("What you agreed to and withdrew, with the exact text"),
        kept_for=_("As evidence, with no end date; your signature and device can't be read any more after deletion"),
        owner="owner",
        exported=(
            "id",
            "kind",
            "purpose",
            "version",
            "sha256",
            "text",
            "signature",
            "scope",
            "locale",
            "method",
            "request",
            "at",
            "expires_at",
            "withdraws",
        ),
        kept_after_erasure=_("The record of consents is evidence. It names you by a random number only."),
    ),
    DataHolder(
        model=AuditEvent,
        category=DataCategory.ACTIVITY,
        label=_("Your activity, and everyone who accessed your data"),
        kept_for=AUDIT_KEPT_FOR,
        owner="subject",
        exported=("id", "at", "actor", "action", "resource", "resource_id", "outcome", "payload"),
        kept_after_erasure=CHAIN_REASON,
    ),
    DataHolder(
        model=AuditLink,
        category=DataCategory.ACTIVITY,
        label=_("The hashes that link your activity"),
        kept_for=AUDIT_KEPT_FOR,
        owner="subject",
        exported=("event_id", "sequence", "hash"),
        kept_after_erasure=CHAIN_REASON,
    ),
    DataHolder(
        model=AuditHead,
        category=DataCategory.ACTIVITY,
        label=_("The last hash of your activity"),
        kept_for=AUDIT_KEPT_FOR,
        owner="subject",
        exported=("sequence", "hash"),
        technical=frozenset({"changed_at"}),
        kept_after_erasure=CHAIN_REASON,
    ),
    DataHolder(
        model=AuditCheckpoint,
        category=DataCategory.ACTIVITY,
        label=_("Where your activity begins, after its oldest part was deleted"),
        kept_for=AUDIT_KEPT_FOR,
        owner="subject",
        exported=("sequence", "hash", "purged_until", "key_id", "signature"),
        kept_after_erasure=CHAIN_REASON,
    ),
    DataHolder(
        model=TrailVerification,
        category=DataCategory.ACTIVITY,
        label=_("When your activity was last verified"),
        kept_for=AUDIT_KEPT_FOR,
        owner="owner",
        exported=("at", "events", "fault", "sequence"),
        kept_after_erasure=CHAIN_REASON,
    ),
    DataHolder(
        model=DailyAccess,
        category=DataCategory.ACTIVITY,
        label=_("How often your bank and credit data was viewed today"),
        kept_for=_("Until the next night; then in your activity"),
        owner="owner",
        exported=("day", "kind", "count", "first_at", "last_at"),
        technical=frozenset({"id"}),
    ),
    DataHolder(
        model=DataKey,
        category=DataCategory.SIGN_IN,
        label=_("The key that encrypts your data"),
        kept_for=_("Until your account is deleted"),
        owner="owner",
        withheld={
            "wrapped": _("The key would open encrypted data that someone copied. Your export has the data itself.")
        },
        technical=frozenset({"id", "kek", "active", "created_at"}),
        erase=data_keys.shred,
    ),
    DataHolder(
        model=ErasureReceipt,
        category=DataCategory.ACTIVITY,
        label=_("The receipt of your account's deletion"),
        kept_for=_("As evidence of the deletion, with no end date"),
        owner="owner",
        exported=("erased_at", "document", "key_id", "signature"),
        technical=frozenset({"id"}),
        kept_after_erasure=_("The receipt proves the deletion. It names you by a random number only."),
    ),
)
