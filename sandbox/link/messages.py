"""The titles of the dialog's error panes, and what the user can do next.

``retry`` is ``pane`` (the same pane again, with the error message), ``credentials`` (sign in again),
``institution`` (choose another bank) or empty (only close). Source: https://plaid.com/docs/errors/item/
"""

from typing import NamedTuple


class ErrorPane(NamedTuple):
    """The title of an error pane and the way out of it."""

    title: str
    retry: str = ""


DEFAULT_PANE = ErrorPane("Something went wrong", "institution")

ERROR_PANES = {
    "INVALID_CREDENTIALS": ErrorPane("Wrong username or password", "pane"),
    "INVALID_MFA": ErrorPane("Wrong answer", "pane"),
    "INVALID_SEND_METHOD": ErrorPane("The code could not be sent", "credentials"),
    "INVALID_UPDATED_USERNAME": ErrorPane("This is another person's sign-in", "credentials"),
    "INSUFFICIENT_CREDENTIALS": ErrorPane("Sign-in not finished", "credentials"),
    "USER_INPUT_TIMEOUT": ErrorPane("That took too long", "credentials"),
    "INTERNAL_SERVER_ERROR": ErrorPane("Something went wrong", "credentials"),
    "INSTITUTION_NOT_RESPONDING": ErrorPane("The bank is not answering", "credentials"),
    "INSTITUTION_NOT_AVAILABLE": ErrorPane("The bank is not available", "institution"),
    "INSTITUTION_DOWN": ErrorPane("The bank is down", "institution"),
    "INSTITUTION_NO_LONGER_SUPPORTED": ErrorPane("This bank can't be connected", "institution"),
    "ITEM_LOCKED": ErrorPane("Your account is locked", "institution"),
    "ITEM_NOT_SUPPORTED": ErrorPane("This account can't be connected", "institution"),
    "MFA_NOT_SUPPORTED": ErrorPane("This way of signing in can't be used", "institution"),
    "COUNTRY_NOT_SUPPORTED": ErrorPane("This country is not supported", "institution"),
    "NO_ACCOUNTS": ErrorPane("No accounts found", "institution"),
    "PASSWORD_RESET_REQUIRED": ErrorPane("Your bank wants a new password", "institution"),
    "USER_SETUP_REQUIRED": ErrorPane("Your account needs attention", "institution"),
    "MANUAL_VERIFICATION_REQUIRED": ErrorPane("Your bank wants to verify you", "institution"),
    "INVALID_LINK_TOKEN": ErrorPane("This window is out of date"),
}


def error_pane(code: str) -> ErrorPane:
    """Return the pane of an error code, or the default one."""
    return ERROR_PANES.get(code, DEFAULT_PANE)
