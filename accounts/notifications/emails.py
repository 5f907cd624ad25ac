"""The email digest of new notifications."""

from collections.abc import Sequence
from email.utils import parseaddr

from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.emails import sending
from accounts.users.models import User


def send_digest_email(user: User, news: Sequence[str], *, name: str) -> None:
    """Send an email that has only the types of new notifications. The same ``name`` gives the same Message-ID.

    Raises ``SMTPException`` or ``OSError``.
    """
    _, _, host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")
    headers = {"Message-ID": f"<alerts.{name}@{host}>"}
    email = EmailAddress.objects.get_primary_email(user) or user.email
    sending.send_email("accounts/email/alerts", email, {"news": news}, headers)
