"""The messages for users that say why a bank cannot be synced: it needs a sign-in, or a sync failed."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from banking.provider import Fault
from banking.providers import find_provider

OWN_REAUTH_MESSAGES = {
    "CREDENTIAL_UNREADABLE": gettext_lazy(
        "We can't use our access to %(bank)s because of a problem on our end. Reconnect it to continue syncing."
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


def reauth_message(provider_key: str, error_code: str, institution_name: str) -> str:
    """Return why the user has to sign in at the bank again; empty for an unknown code."""
    provider = find_provider(provider_key)
    messages = OWN_REAUTH_MESSAGES if provider is None else {**provider.reauth_messages, **OWN_REAUTH_MESSAGES}
    return str(messages.get(error_code, "")) % {"bank": bank_name(institution_name)}
