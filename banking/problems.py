"""What a person reads when linking does not work: what happened, and what to do."""

from banking.linking import LinkRefused
from banking.provider import LoginRequired, Misconfigured, ProviderError, PublicTokenRefused, RateLimited

REFUSALS = {
    "expired": "That took longer than the bank connection stays open. Nothing was shared. Please start again.",
    "used": "This connection was finished already. If you do not see your bank, please start again.",
}
TOO_LATE = "The bank's answer was too old or had been used already. Nothing was connected. Please start again."
STILL = "The bank still asks for a sign-in. Please start again, and go on until the window says that it is done."
BUSY = "Our connection service is very busy. Nothing was lost; please try again in a minute."
OURS = "Connecting banks is not possible at the moment because of a mistake on our side. We have been told."
AWAY = "Our connection service does not answer. Nothing was lost; please try again in a few minutes."


def sentence(error: LinkRefused | ProviderError) -> str:
    """Say in one sentence what happened and what to do; codes and request ids stay in the log."""
    if isinstance(error, LinkRefused):
        return REFUSALS[error.reason]
    if isinstance(error, PublicTokenRefused):
        return TOO_LATE
    if isinstance(error, LoginRequired):
        return STILL
    if isinstance(error, RateLimited):
        return BUSY
    return OURS if isinstance(error, Misconfigured) else AWAY
