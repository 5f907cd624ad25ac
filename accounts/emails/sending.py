"""Sends emails about a user's own account. They never contain an amount."""

from collections.abc import Iterable
from datetime import datetime
from smtplib import SMTPException
from typing import Any, Final, NamedTuple
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.sessions.user_agents import describe_device
from accounts.users.models import User

# The errors of Django's mail backends when a server is down, slow or rejects an email.
DELIVERY_ERRORS: Final = (SMTPException, OSError)

# The names of template variables with links to the site, made by ``public_link``.
LINKS: Final = ("cancel_url", "password_reset_url", "unlock_url")


class EmailNotSent(Exception):
    """An email that a user waits for could not be sent, so its request is rolled back."""


def public_link(path: str) -> str:
    """Return the URL of a page for an email: at ``PUBLIC_URL``, because the request's Host header is not trusted."""
    return f"{settings.PUBLIC_URL}{path}"


def send_security_email(template: str, *, user_id: UUID, email: str = "", context: dict[str, Any]) -> None:
    """Send a security email to a user's primary address, or to ``email`` if it is about that address.

    ``context["timestamp"]`` is when it happened, ISO 8601, and ``context["user_agent"]`` the header that the email
    describes as a device. Raises ``SMTPException`` or ``OSError``.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        device = describe_device(context["user_agent"])
        context = context | {"timestamp": datetime.fromisoformat(context["timestamp"]), "user_agent": device}
        send_email(template, email or EmailAddress.objects.get_primary_email(user) or user.email, context)


class Attachment(NamedTuple):
    """A file in an email."""

    name: str
    text: str
    content_type: str


def send_email(
    template: str,
    email: str,
    context: dict[str, Any],
    headers: dict[str, str] | None = None,
    attachments: Iterable[Attachment] = (),
) -> None:
    """Render an email's template and send it. Raises ``SMTPException`` or ``OSError``."""
    context = context | {"email": email, "public_url": settings.PUBLIC_URL}
    message = get_adapter().render_mail(template, email, context, headers)
    for attachment in attachments:
        message.attach(*attachment)
    message.send()
