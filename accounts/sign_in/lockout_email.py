"""The email that ends a lockout."""

from uuid import UUID

from django.urls import reverse

from accounts.emails import sending
from accounts.sign_in import lockout
from accounts.users.models import User


def send_unlock_email(*, user_id: UUID) -> None:
    """Send the owner of a locked account the link that ends the lockout. Raises ``SMTPException`` or ``OSError``.

    Not rate limited, because the lockout itself allows only three an hour. A limit would reveal who has an account, or
    others could use it up, so that the owner gets no link.
    """
    user = User.objects.get(pk=user_id)
    if token := lockout.make_unlock_token(user):
        sending.send_email(
            "accounts/email/locked", user.email, {"unlock_url": sending.public_link(reverse("unlock", args=[token]))}
        )
