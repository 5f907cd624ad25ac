"""The messages of linking errors: what happened, and what to do."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from banking.linking.errors import LinkError
from banking.models import LinkSession
from banking.provider import (
    ConsentRequired,
    Fault,
    LoginRequired,
    Provider,
    ProviderError,
    PublicTokenRefused,
    RateLimited,
)
from banking.providers import provider_for
from banking.usage.item_cap import ItemCapReached

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

LINK_ERROR_MESSAGES = {
    "expired": _("This session expired. No bank was connected. Start again."),
    "used": _("This connection is already finished. If you don't see your bank, start again."),
    "foreign": _("This answer isn't from the connection that you started here. No bank was connected. Start again."),
    "unconfirmed": _(
        "%(provider)s hasn't confirmed this connection yet. We check again in a few minutes. If your bank isn't in "
        "Accounts within an hour, you get an alert and can start again."
    ),
    "pending": _(
        "We didn't receive %(provider)s's answer. We check again in a few minutes. If your bank isn't in Accounts "
        "within an hour, you get an alert and can start again."
    ),
    "lost": _(
        "%(provider)s created the connection, but we didn't receive its answer and can't use it. Connect your bank "
        "again."
    ),
    "unfinished": _(
        "%(provider)s hasn't told us yet how this ended. If you finished there, this takes a few seconds. If you "
        "didn't, start again."
    ),
    "in_progress": _("We're connecting your bank. Check Accounts in a minute or two."),
    "stopped": _("Your account is deactivated or scheduled for deletion. No bank was connected."),
    "no_consent": _("You haven't agreed to share bank data, or you withdrew. No bank was connected. Start again."),
}
# The site retries automatically; the user has nothing to do.
PENDING = frozenset({"unconfirmed", "pending", "in_progress"})
CLOSED = _("%(provider)s was closed before you finished. No bank was connected.")
CLOSED_REPAIR = _("%(provider)s was closed before you finished. Your bank still needs you to sign in.")
CLOSED_UNCHANGED = _("%(provider)s was closed before you finished. Nothing changed.")
UNFINISHED = _("%(provider)s couldn't finish. No bank was connected.")
UNFINISHED_REPAIR = _("%(provider)s couldn't finish. Your bank still needs you to sign in.")
UNFINISHED_UNCHANGED = _("%(provider)s couldn't finish. Nothing changed.")
TOO_LATE = _("This connection expired or was already used. No bank was connected. Start again.")
STILL = _("Your bank still needs you to sign in. Start again, and continue until %(provider)s says you're done.")
BUSY = _("%(provider)s is limiting our requests. Nothing changed. Try again in a minute.")
CAP = ngettext_lazy(
    "This site can connect %(cap)s bank, and it is in use.",
    "This site can connect %(cap)s banks, and all are in use.",
    "cap",
)
OURS = _("We can't connect banks right now because of a problem on our end. Try again later.")
AWAY = _("We couldn't connect through %(provider)s. Try again in a few minutes.")


def exit_message(session: LinkSession, error_code: str) -> str:
    """The message after the dialog was closed without a connection."""
    if session.selects_accounts:
        text = UNFINISHED_UNCHANGED if error_code else CLOSED_UNCHANGED
    elif session.is_update_mode:
        text = UNFINISHED_REPAIR if error_code else CLOSED_REPAIR
    else:
        text = UNFINISHED if error_code else CLOSED
    return str(text) % {"provider": provider_for(session.provider).name}


def is_pending(error: LinkError | ProviderError) -> bool:
    """Whether the site retries automatically, so that the user has nothing to do."""
    return isinstance(error, LinkError) and error.reason in PENDING


def message_for(error: LinkError | ProviderError, *, provider: Provider) -> str:
    """The message of a linking error; codes and request ids go to the log alone."""
    if isinstance(error, ItemCapReached):
        return str(CAP % {"cap": error.cap})
    return str(_message(error)) % {"provider": provider.name}


def _message(error: LinkError | ProviderError) -> "StrPromise":
    if isinstance(error, LinkError):
        return LINK_ERROR_MESSAGES[error.reason]
    if isinstance(error, PublicTokenRefused):
        return TOO_LATE
    if isinstance(error, LoginRequired | ConsentRequired):
        return STILL
    if isinstance(error, RateLimited):
        return BUSY
    return OURS if error.fault is Fault.OURS else AWAY
