"""A limit on the emails that a stranger can cause to one address."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from allauth.core import context as current
from allauth.core.internal import ratelimit

from accounts.emails.sending import DELIVERY_ERRORS


class TooManyEmails(Exception):
    """No more emails that a stranger can cause are sent to this address for now."""


# What the form for a forgotten password sends, with or without an account. Counted apart: each of these signs its owner
# in, so a stranger who uses them up does no harm, while sign-ups with the address must not keep the owner out.
PASSWORD_RESET_TEMPLATES: Final = ("account/email/password_reset_key", "account/email/unknown_account")


@contextmanager
def limit_emails(template: str, email: str) -> Iterator[None]:
    """Count one email of the block. Raises ``TooManyEmails``; an email that is not handed over does not count."""
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
