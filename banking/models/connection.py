"""The states of a connection to a bank."""

from django.db import models
from django.utils.translation import gettext_lazy as _


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
