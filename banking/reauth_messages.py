"""Why a bank cannot be read, in one sentence for people: it asks for a sign-in, or a sync failed."""

from banking.provider import Fault
from banking.providers import find_provider

OWN_REAUTH_MESSAGES = {
    "CREDENTIAL_UNREADABLE": (
        "Plumbline keeps the key to this bank encrypted, and cannot read it any more. This is our fault and not yours."
    ),
}

SYNC_ERROR_MESSAGES = {
    Fault.BANK: "{bank} is not answering.",
    Fault.OURS: "We couldn't update {bank} because of a problem on our end. Nothing is wrong at your bank.",
}
UNEXPLAINED = "We couldn't update {bank}."


def sync_error_message(bank: str, fault: str) -> str:
    """Say why a sync failed; a bank is named as the reason only if the provider says so."""
    return SYNC_ERROR_MESSAGES.get(fault, UNEXPLAINED).format(bank=bank or "your bank")  # type: ignore[call-overload]


def reauth_message(provider_key: str, error_code: str) -> str:
    """Say why the person has to sign in at the bank again; empty for an unknown code."""
    provider = find_provider(provider_key)
    messages = OWN_REAUTH_MESSAGES if provider is None else {**provider.reauth_messages, **OWN_REAUTH_MESSAGES}
    return messages.get(error_code, "")
