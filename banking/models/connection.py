"""The states of a connection to a bank."""

from django.db import models


class Connection(models.TextChoices):
    """Whether the bank still gives access."""

    ACTIVE = "active", "Connected"
    LOGIN_REQUIRED = "login_required", "Sign-in needed"
    NEEDS_CONSENT = "needs_consent", "Consent needed"
    NEEDS_REPAIR = "needs_repair", "Needs repair"
    REVOKED = "revoked", "Access withdrawn"
    UNSUPPORTED = "unsupported", "Not supported"
    REMOVING = "removing", "Disconnecting"
    REMOVED = "removed", "Disconnected"


# What a person still sees among their connections.
VISIBLE_CONNECTIONS = (
    Connection.ACTIVE,
    Connection.LOGIN_REQUIRED,
    Connection.NEEDS_CONSENT,
    Connection.NEEDS_REPAIR,
    Connection.REVOKED,
    Connection.UNSUPPORTED,
)
