"""A rate limit of the emails that anonymous requests can send to one address."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from allauth.core import context as current
from allauth.core.internal import ratelimit

from accounts.emails.sending import DELIVERY_ERRORS


class TooManyEmails(Exception):
    """The limit of emails to this address is reached."""


# The emails of the form for a forgotten password, with or without an account. They have a limit of their own, so that
# sign-ups by others with this address cannot use it up and lock the owner out. Each of them lets the owner sign in, so
# it does no harm if others use up this limit.
PASSWORD_RESET_TEMPLATES: Final = ("account/email/password_reset_key", "account/email/unknown_account")


@contextmanager
def limit_emails(template: str, email: str) -> Iterator[None]:
    """Count the one email that is sent in the block, unless sending fails. Raises ``TooManyEmails``."""
    purpose = "reset" if template in PASSWORD_RESET_TEMPLATES else "other"
    key = f"{purpose}:{email.strip().lower()}"
    usage = ratelimit.consume(current.request, app="allauth.account", action="mail", key=key, limit_get=True)
    if usage is None:
        raise TooManyEmails
    try:
        yield
    except DELIVERY_ERRORS:
        usage.rollback()
        raise
