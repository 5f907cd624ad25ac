"""A limit on the emails that a stranger can cause to one address."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from allauth.core import context as current
from allauth.core.internal import ratelimit

from accounts.emails.sending import DELIVERY_ERRORS


class TooManyEmails(Exception):
    """An address gets no more mails for now that a stranger can cause."""


# What the form for a forgotten password sends, with or without an account. Counted apart: each of these that reaches
# an owner lets them in, so a stranger who uses them up helps, while mails of other doors would keep the owner out.
PASSWORD_RESET_TEMPLATES: Final = ("account/email/password_reset_key", "account/email/unknown_account")


@contextmanager
def limit_emails(template: str, email: str) -> Iterator[None]:
    """Send a mail that a stranger can cause. Raises ``TooManyMails``; what is not handed over does not count."""
    door = "reset" if template in PASSWORD_RESET_TEMPLATES else "other"
    key = f"{door}:{email.strip().lower()}"
    usage = ratelimit.consume(current.request, app="allauth.account", action="mail", key=key, limit_get=True)
    if usage is None:
        raise TooManyEmails
    try:
        yield
    except DELIVERY_ERRORS:
        usage.rollback()
        raise
