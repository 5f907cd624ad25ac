"""The messages for users that say why a bank cannot be synced: it needs a sign-in, access ended, or a sync failed."""

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from banking.error_advice import ErrorAdvice, UserAction
from banking.provider import Fault, ProviderError
from banking.providers import find_provider

# Codes of this site's own, with those of ``banking.credentials``.
OWN_ADVICE: Final = {
    "CREDENTIAL_UNREADABLE": ErrorAdvice(
        ProviderError,
        UserAction.RECONNECT,
        gettext_lazy(
            "We can't use our access to %(bank)s because of a problem on our end. Reconnect it to continue syncing."
        ),
    ),
}

SYNC_ERROR_MESSAGES = {
    Fault.BANK: gettext_lazy("We couldn't update %(bank)s because the bank isn't responding."),
    Fault.OURS: gettext_lazy("We couldn't update %(bank)s because of a problem on our end."),
}
UNEXPLAINED = gettext_lazy("We couldn't update %(bank)s.")


def bank_name(institution_name: str) -> str:
    """The bank's name for use in a sentence; "your bank" if it has none."""
    return institution_name or _("your bank")


def sync_error_message(institution_name: str, fault: str) -> str:
    """Return why a sync failed. It blames the bank only if the provider does."""
    message = SYNC_ERROR_MESSAGES.get(fault, UNEXPLAINED)  # type: ignore[call-overload]
    return str(message) % {"bank": bank_name(institution_name)}


def advise(provider_key: str, error_code: str, *, reason: str = "") -> ErrorAdvice:
    """Return what an error code means for the user, also one that is unknown here."""
    if error_code in OWN_ADVICE:
        return OWN_ADVICE[error_code]
    provider = find_provider(provider_key)
    return ErrorAdvice(ProviderError) if provider is None else provider.advise(error_code, reason=reason)


def access_message(provider_key: str, error_code: str, institution_name: str, *, reason: str = "") -> str:
    """Return why a bank gives no access, and what the user can do; empty for a code without a sentence."""
    message = advise(provider_key, error_code, reason=reason).message
    return str(message) % {"bank": bank_name(institution_name)}
