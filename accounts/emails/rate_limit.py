"""A limit on the emails that a stranger can cause to one address."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from allauth.core import context as current
from allauth.core.internal import ratelimit

from accounts.emails.sending import NOT_SENT


class TooManyMails(Exception):
    """An address gets no more mails for now that a stranger can cause."""


# What the form for a forgotten password sends, with or without an account. Counted apart: each of these that reaches
# an owner lets them in, so a stranger who uses them up helps, while mails of other doors would keep the owner out.
RESETS: Final = ("account/email/password_reset_key", "account/email/unknown_account")


@contextmanager
def counted(template: str, email: str) -> Iterator[None]:
    """Send a mail that a stranger can cause. Raises ``TooManyMails``; what is not handed over does not count."""
    door = "reset" if template in RESETS else "other"
    key = f"{door}:{email.strip().lower()}"
    usage = ratelimit.consume(current.request, app="allauth.account", action="mail", key=key, limit_get=True)
    if usage is None:
        raise TooManyMails
    try:
        yield
    except NOT_SENT:
        usage.rollback()
        raise
