"""Why a bank cannot be read, in the sentence that a person reads: it wants a sign-in, or a reading failed.

Source of the codes: https://plaid.com/docs/errors/item/
"""

from banking.provider import Fault

REAUTH_MESSAGES = {
    "CREDENTIAL_UNREADABLE": (
        "Plumbline keeps the key to this bank encrypted, and cannot read it any more. This is our fault and not yours."
    ),
    "ITEM_LOGIN_REQUIRED": "Your bank ended the sign-in, as banks do now and then or after a password change.",
    "PASSWORD_RESET_REQUIRED": "Your bank wants a new password first. Set it at your bank, then sign in again here.",
    "USER_SETUP_REQUIRED": "Your bank needs something from you first. Sign in at your bank, then again here.",
    "ITEM_LOCKED": "Your bank locked the account after failed sign-ins. Unlock it there, then sign in again here.",
    "ADDITIONAL_CONSENT_REQUIRED": "Your bank asks whether you agree to share more before we can read on.",
    "ACCESS_NOT_GRANTED": "Your bank shared less than we need to read. Sign in again and allow it.",
}

SYNC_ERROR_MESSAGES = {
    Fault.BANK: "{bank} is not answering.",
    Fault.OURS: "We couldn't update {bank} because of a problem on our end. Nothing is wrong at your bank.",
}
UNEXPLAINED = "We couldn't update {bank}."


def sync_error_message(bank: str, fault: str) -> str:
    """Say why a reading failed; a bank is named as the reason only where the provider names it."""
    return SYNC_ERROR_MESSAGES.get(fault, UNEXPLAINED).format(bank=bank or "your bank")  # type: ignore[call-overload]
