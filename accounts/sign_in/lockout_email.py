"""The email that ends a lockout."""

from uuid import UUID

from django.urls import reverse

from accounts.emails import sending
from accounts.sign_in import lockout
from accounts.users.models import User


def send_unlock_email(*, user_id: UUID) -> None:
    """Send the owner of a locked account what ends the lock.

    Not counted: the lock lets three an hour pass, and a count that only owners of an account use up, or that strangers
    can, would tell who has one, or keep them out. Raises ``SMTPException`` or ``OSError``.
    """
    user = User.objects.get(pk=user_id)
    if token := lockout.make_unlock_token(user):
        sending.send_email(
            "accounts/email/locked", user.email, {"unlock_url": sending.public_link(reverse("unlock", args=[token]))}
        )
