"""Mails about a person's own account. They say what happened and never an amount."""

from datetime import datetime
from smtplib import SMTPException
from typing import Any, Final
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.users.models import User

# What Django's mail backends raise when a server is away, slow or unwilling.
DELIVERY_ERRORS: Final = (SMTPException, OSError)

# Names in the templates of what leads back to the site, made by ``public_link``.
LINKS: Final = ("password_reset_url", "unlock_url")


class EmailNotSent(Exception):
    """A mail that somebody waits for could not be handed over, so what it was about is undone."""


def public_link(path: str) -> str:
    """The address of a page for a mail: at the site's own name, whatever name a request gave it."""
    return f"{settings.PUBLIC_URL}{path}"


def send_security_email(template: str, *, user_id: UUID, email: str = "", facts: dict[str, Any]) -> None:
    """Send a notice to a person's primary address, or to ``email`` when it concerns that one.

    ``facts["timestamp"]`` is when it happened, ISO 8601. Raises ``SMTPException`` or ``OSError``.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        facts = facts | {"timestamp": datetime.fromisoformat(facts["timestamp"])}
        send_email(template, email or EmailAddress.objects.get_primary_email(user) or user.email, facts)


def send_email(template: str, email: str, facts: dict[str, Any], headers: dict[str, str] | None = None) -> None:
    facts = facts | {"email": email, "public_url": settings.PUBLIC_URL}
    get_adapter().render_mail(template, email, facts, headers).send()
