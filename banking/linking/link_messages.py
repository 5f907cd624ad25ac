"""The messages of linking errors: what happened, and what to do."""

from banking.linking.errors import LinkError
from banking.models import LinkSession
from banking.provider import Fault, LoginRequired, Provider, ProviderError, PublicTokenRefused, RateLimited
from banking.providers import provider_for

LINK_ERROR_MESSAGES = {
    "expired": "That took longer than the bank connection stays open. Nothing was shared. Please start again.",
    "used": "This connection was finished already. If you do not see your bank, please start again.",
    "foreign": "That answer is not from the window that you opened here. Nothing was connected. Please start again.",
    "unconfirmed": (
        "{provider} has not confirmed this connection yet. Plumbline asks again by itself: look at your accounts in a "
        "few minutes. If your bank is not there within the hour, you will find an alert, and can start again."
    ),
    "pending": (
        "{provider}'s answer was lost on the way. Plumbline asks again by itself: look at your accounts in a few "
        "minutes. If your bank is not there within the hour, you will find an alert, and can start again."
    ),
    "lost": (
        "{provider} made the connection, but its answer was lost on the way, so Plumbline cannot use it and reads "
        "nothing with it. Whoever runs this site has been told, to have it ended at {provider}. Please connect your "
        "bank again."
    ),
    "in_progress": "Your bank is being connected right now. Look at your accounts in a minute or two.",
}
# The site goes on by itself; there is nothing to try again.
PENDING = frozenset({"unconfirmed", "pending", "in_progress"})
CLOSED = "You closed {provider}'s window before the end. Nothing was shared."
CLOSED_REPAIR = "You closed {provider}'s window before the end. Your bank still asks for a sign-in."
UNFINISHED = "{provider} could not finish. Nothing was shared."
UNFINISHED_REPAIR = "{provider} could not finish. Your bank still asks for a sign-in."
TOO_LATE = "The bank's answer was too old or had been used already. Nothing was connected. Please start again."
STILL = "The bank still asks for a sign-in. Please start again, and go on until the window says that it is done."
BUSY = "Our connection service is very busy. Nothing was lost; please try again in a minute."
OURS = "Connecting banks is not possible at the moment because of a mistake on our side. We have been told."
AWAY = "Our connection service does not answer. Nothing was lost; please try again in a few minutes."


def exit_message(session: LinkSession, error_code: str) -> str:
    """The message after the dialog was closed without a connection."""
    if session.is_update_mode:
        text = UNFINISHED_REPAIR if error_code else CLOSED_REPAIR
    else:
        text = UNFINISHED if error_code else CLOSED
    return text.format(provider=provider_for(session.provider).name)


def is_pending(error: LinkError | ProviderError) -> bool:
    """Whether the site goes on by itself after this, so that there is nothing to try again."""
    return isinstance(error, LinkError) and error.reason in PENDING


def message_for(error: LinkError | ProviderError, *, provider: Provider) -> str:
    """The message of a linking error; codes and request ids go to the log alone."""
    if isinstance(error, LinkError):
        return LINK_ERROR_MESSAGES[error.reason].format(provider=provider.name)
    if isinstance(error, PublicTokenRefused):
        return TOO_LATE
    if isinstance(error, LoginRequired):
        return STILL
    if isinstance(error, RateLimited):
        return BUSY
    return OURS if error.fault is Fault.OURS else AWAY
