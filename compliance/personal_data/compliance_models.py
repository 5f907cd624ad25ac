"""The personal data of this app's own models."""

from collections.abc import Callable
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from compliance.audit import Action
from compliance.export.lifecycle import erase_exports
from compliance.models import (
    AuditCheckpoint,
    AuditEvent,
    AuditHead,
    AuditLink,
    ConsentEvent,
    DailyAccess,
    DataExport,
    DataKey,
    ErasureReceipt,
    RetentionSetting,
    TrailVerification,
    UnfinishedExport,
)
from compliance.personal_data.export_files import ExportFile
from compliance.personal_data.holders import DataCategory, DataHolder
from compliance.personal_data.registry import register, register_non_personal
from compliance.vault import data_keys

AUDIT_KEPT_FOR = _("365 days, also after your account is deleted; the encrypted details can't be read any more then")
CHAIN_REASON = _(
    "The audit trail stays for 365 days. It names you by a random number only, and its details are unreadable."
)
ENDS_KEPT_FOR = _("With no end date, also after your account is deleted")
ENDS_REASON = _(
    "Where the audit trail begins and ends, and when it was last verified, stay with no end date, so that verifying "
    "finds what is missing. They are hashes, numbers, and times, with a random number in place of your name."
)

# The names of these actions in older lists of ours, by which programs may look for them.
ACTION_ALIASES = {Action.CONNECT.value: "plaid_account_connected"}
SIGN_IN_ACTIONS = (
    Action.USER_REGISTERED, Action.USER_LOGIN, Action.LOGIN_FAILED, Action.USER_LOGOUT, Action.IDENTITY_CONFIRMED,
    Action.RECOVERY_CODE_USED, Action.PASSKEY_USED, Action.LOCKED, Action.UNLOCKED, Action.PASSWORD_RESET,
    Action.SESSION_ENDED,
)  # fmt: skip
OPERATOR_ACTIONS = (Action.OPERATOR_VIEW, Action.BREAK_GLASS)


def read_detail(name: str) -> Callable[[AuditEvent], Any]:
    """Return a function that reads one of an event's sealed details; None if the event has none of this name."""
    return lambda event: event.details().get(name)


def find_alias(event: AuditEvent) -> str | None:
    """Return another name of an event's action."""
    return ACTION_ALIASES.get(event.action)


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
        files=(ExportFile(name="consent/consents.jsonl"),),
        kept_after_erasure=_("The record of consents is evidence. It names you by a random number only."),
    ),
    DataHolder(
        model=AuditEvent,
        category=DataCategory.ACTIVITY,
        label=_("Your activity, and everyone who accessed your data"),
        kept_for=AUDIT_KEPT_FOR,
        owner="subject",
        exported=("id", "at", "actor", "action", "resource", "resource_id", "outcome", "payload"),
        files=(
            ExportFile(
                name="activity/events.jsonl",
                # All that the hash of an event covers.
                columns=(
                    "id",
                    "at",
                    "subject",
                    "actor",
                    "action",
                    "resource",
                    "resource_id",
                    "outcome",
                    "payload",
                ),
                computed={"details": AuditEvent.details, "alias": find_alias},
                # As in activity/hashes.jsonl, so that the chain can be recomputed entry by entry.
                order=("link__sequence",),
            ),
            ExportFile(
                name="sign_in/sign_ins.csv",
                columns=("at", "action", "outcome"),
                computed={"ip": read_detail("ip"), "user_agent": read_detail("user_agent")},
                rows=Q(action__in=SIGN_IN_ACTIONS),
            ),
            ExportFile(
                name="activity/data_accesses.jsonl",
                columns=("at", "actor", "action"),
                computed={"what": read_detail("what"), "role": read_detail("role"), "reason": read_detail("reason")},
                rows=Q(action__in=OPERATOR_ACTIONS),
            ),
        ),
        kept_after_erasure=CHAIN_REASON,
    ),
    DataHolder(
        model=AuditLink,
        category=DataCategory.ACTIVITY,
        label=_("The hashes that link your activity"),
        kept_for=AUDIT_KEPT_FOR,
        owner="subject",
        exported=("event_id", "sequence", "hash"),
        files=(ExportFile(name="activity/hashes.jsonl", order=("sequence",)),),
        kept_after_erasure=CHAIN_REASON,
    ),
    DataHolder(
        model=AuditHead,
        category=DataCategory.ACTIVITY,
        label=_("The last hash of your activity"),
        kept_for=ENDS_KEPT_FOR,
        owner="subject",
        exported=("sequence", "hash"),
        technical=frozenset({"changed_at"}),
        files=(ExportFile(name="activity/last_hash.jsonl"),),
        kept_after_erasure=ENDS_REASON,
    ),
    DataHolder(
        model=AuditCheckpoint,
        category=DataCategory.ACTIVITY,
        label=_("Where your activity begins, after its oldest part was deleted"),
        kept_for=ENDS_KEPT_FOR,
        owner="subject",
        exported=("sequence", "hash", "purged_until", "key_id", "signature"),
        files=(ExportFile(name="activity/checkpoint.jsonl"),),
        kept_after_erasure=ENDS_REASON,
    ),
    DataHolder(
        model=TrailVerification,
        category=DataCategory.ACTIVITY,
        label=_("When your activity was last verified"),
        kept_for=ENDS_KEPT_FOR,
        owner="owner",
        exported=("at", "events", "fault", "sequence"),
        technical=frozenset({"head_sequence"}),
        files=(ExportFile(name="activity/last_verification.jsonl"),),
        kept_after_erasure=ENDS_REASON,
    ),
    DataHolder(
        model=DailyAccess,
        category=DataCategory.ACTIVITY,
        label=_("How often your bank and credit data was viewed today"),
        kept_for=_("Until the next night; then in your activity"),
        owner="owner",
        exported=("day", "kind", "count", "first_at", "last_at"),
        files=(ExportFile(name="activity/views_today.jsonl"),),
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
        exported=("erased_at", "document", "key_id", "signature", "public_key"),
        technical=frozenset({"id"}),
        kept_after_erasure=_("The receipt proves the deletion. It names you by a random number only."),
    ),
    DataHolder(
        model=DataExport,
        category=DataCategory.ACTIVITY,
        label=_("Your exports"),
        kept_for=_("The file for 7 days, and that there was one until your account is deleted"),
        exported=(
            "id",
            "state",
            "requested_at",
            "started_at",
            "finished_at",
            "expires_at",
            "notified_at",
            "downloaded_at",
            "row_count",
            "file_count",
            "unreadable_count",
            "size",
            "sha256",
            "error_code",
        ),
        withheld={
            "file_key": _("The key would open the export's file that someone copied. You download it decrypted.")
        },
        technical=frozenset(
            {
                "part",
                "part_count",
                "part_name",
                "attempts",
                "next_attempt_at",
                "lease_holder",
                "leased_until",
                "download_hash",
                "download_until",
            }
        ),
        files=(ExportFile(name="activity/exports.jsonl"),),
        erase=erase_exports,
    ),
    DataHolder(
        model=RetentionSetting,
        category=DataCategory.PROFILE,
        label=_("How long you let us keep your data"),
        kept_for=_("Until your account is deleted"),
        exported=(
            "id",
            "data_type",
            "days_to_retain",
            "previous_days",
            "chosen_at",
            "announced_at",
            "effective_at",
            "last_purge_date",
            "last_purged_rows",
            "created_at",
        ),
        technical=frozenset({"due_at"}),
    ),
)
register_non_personal(UnfinishedExport, "A view of compliance.DataExport, for operators.")
