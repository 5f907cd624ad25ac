"""Mails about a person's own account. They say what happened and never an amount."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.utils import parseaddr
from smtplib import SMTPException
from typing import Any, Final
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core import context as current
from allauth.core.internal import ratelimit
from django.conf import settings
from django.urls import reverse

from accounts import lockout
from accounts.users.models import User

# What Django's mail backends raise when a server is away, slow or unwilling.
NOT_SENT: Final = (SMTPException, OSError)

# Names in the templates of what leads back to the site, made by ``public_link``.
LINKS: Final = ("password_reset_url", "unlock_url")


class MailNotSent(Exception):
    """A mail that somebody waits for could not be handed over, so what it was about is undone."""


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


def public_link(path: str) -> str:
    """The address of a page for a mail: at the site's own name, whatever name a request gave it."""
    return f"{settings.PUBLIC_URL}{path}"


def send_notice(template: str, *, user_id: UUID, email: str = "", facts: dict[str, Any]) -> None:
    """Send a notice to a person's primary address, or to ``email`` when it concerns that one.

    ``facts["timestamp"]`` is when it happened, ISO 8601. Raises ``SMTPException`` or ``OSError``.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        facts = facts | {"timestamp": datetime.fromisoformat(facts["timestamp"])}
        _send(template, email or EmailAddress.objects.get_primary_email(user) or user.email, facts)


def send_unlock_link(*, user_id: UUID) -> None:
    """Send the owner of a locked account what ends the lock.

    Not counted: the lock lets three an hour pass, and a count that only owners of an account use up, or that strangers
    can, would tell who has one, or keep them out. Raises ``SMTPException`` or ``OSError``.
    """
    user = User.objects.get(pk=user_id)
    if token := lockout.unlock_token(user):
        _send("accounts/email/locked", user.email, {"unlock_url": public_link(reverse("unlock", args=[token]))})


def send_alerts(user: User, news: Sequence[str], *, name: str) -> None:
    """Say that there is news, by its kinds alone; mails of one ``name`` carry the same Message-ID.

    Raises ``SMTPException`` or ``OSError``.
    """
    _, _, host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")
    headers = {"Message-ID": f"<alerts.{name}@{host}>"}
    email = EmailAddress.objects.get_primary_email(user) or user.email
    _send("accounts/email/alerts", email, {"news": news}, headers)


def _send(template: str, email: str, facts: dict[str, Any], headers: dict[str, str] | None = None) -> None:
    facts = facts | {"email": email, "public_url": settings.PUBLIC_URL}
    get_adapter().render_mail(template, email, facts, headers).send()
