"""The states of a connection to a bank: whether it gives access, until when, and how its syncs go."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from banking.error_advice import UserAction


class Connection(models.TextChoices):
    """Whether the bank still gives access."""

    ACTIVE = "active", _("Connected")
    LOGIN_REQUIRED = "login_required", _("Sign-in needed")
    NEEDS_CONSENT = "needs_consent", _("Consent needed")
    NEEDS_REPAIR = "needs_repair", _("Needs repair")
    REVOKED = "revoked", _("Access withdrawn")
    UNSUPPORTED = "unsupported", _("Not supported")
    REMOVING = "removing", _("Disconnecting")
    REMOVED = "removed", _("Disconnected")


# The connections that a user still sees.
VISIBLE_CONNECTIONS = (
    Connection.ACTIVE,
    Connection.LOGIN_REQUIRED,
    Connection.NEEDS_CONSENT,
    Connection.NEEDS_REPAIR,
    Connection.REVOKED,
    Connection.UNSUPPORTED,
)

# What a page offers for a connection without access. Of an active one, its expiry and its health decide.
LOST_CONNECTION_ACTIONS: Final[Mapping[str, UserAction]] = {
    Connection.LOGIN_REQUIRED: UserAction.RECONNECT,
    Connection.NEEDS_CONSENT: UserAction.REVIEW_CONSENT,
    Connection.NEEDS_REPAIR: UserAction.RECONNECT,
    Connection.REVOKED: UserAction.ADD_AGAIN,
}


class ExpiryReason(models.TextChoices):
    """Why a bank's access ends at a known time: the user's permission expires, or the bank changes its systems, or its
    own access for the provider expires.
    """

    CONSENT = "consent"
    MIGRATION = "migration"
    BANK_ACCESS = "bank_access"


class Health(StrEnum):
    """How the syncs of a connection go. None of these needs the user."""

    OK = "ok"
    RETRYING = "retrying"
    BANK_DOWN = "bank_down"
