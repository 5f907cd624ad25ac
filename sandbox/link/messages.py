"""What the dialog says over a refusal, and what the person can do next.

``retry`` is ``pane`` (the same pane again, with the sentence in it), ``credentials`` (sign in again),
``institution`` (another bank) or empty (only close). Source: https://plaid.com/docs/errors/item/
"""

from typing import NamedTuple


class Wording(NamedTuple):
    """The heading of an error pane and the way out of it."""

    title: str
    retry: str = ""


PLAIN = Wording("Something went wrong", "institution")

WORDINGS = {
    "INVALID_CREDENTIALS": Wording("Wrong username or password", "pane"),
    "INVALID_MFA": Wording("Wrong answer", "pane"),
    "INVALID_SEND_METHOD": Wording("The code could not be sent", "credentials"),
    "INVALID_UPDATED_USERNAME": Wording("This is another person's sign-in", "credentials"),
    "INSUFFICIENT_CREDENTIALS": Wording("Sign-in not finished", "credentials"),
    "USER_INPUT_TIMEOUT": Wording("That took too long", "credentials"),
    "INTERNAL_SERVER_ERROR": Wording("Something went wrong", "credentials"),
    "INSTITUTION_NOT_RESPONDING": Wording("The bank is not answering", "credentials"),
    "INSTITUTION_NOT_AVAILABLE": Wording("The bank is not available", "institution"),
    "INSTITUTION_DOWN": Wording("The bank is down", "institution"),
    "INSTITUTION_NO_LONGER_SUPPORTED": Wording("This bank can't be connected", "institution"),
    "ITEM_LOCKED": Wording("Your account is locked", "institution"),
    "ITEM_NOT_SUPPORTED": Wording("This account can't be connected", "institution"),
    "MFA_NOT_SUPPORTED": Wording("This way of signing in can't be used", "institution"),
    "COUNTRY_NOT_SUPPORTED": Wording("This country is not supported", "institution"),
    "NO_ACCOUNTS": Wording("No accounts found", "institution"),
    "PASSWORD_RESET_REQUIRED": Wording("Your bank wants a new password", "institution"),
    "USER_SETUP_REQUIRED": Wording("Your account needs attention", "institution"),
    "MANUAL_VERIFICATION_REQUIRED": Wording("Your bank wants to verify you", "institution"),
    "INVALID_LINK_TOKEN": Wording("This window is out of date"),
}


def wording(code: str) -> Wording:
    """The words for an error code; plain ones for a code that has none of its own."""
    return WORDINGS.get(code, PLAIN)
