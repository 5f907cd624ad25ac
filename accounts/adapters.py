from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest

# Source: RFC 5321, 4.5.3.1.3, less the angle brackets.
LONGEST_EMAIL = 254


class AccountAdapter(DefaultAccountAdapter):
    """Where allauth asks the house. Sign-in limits and second factors will stand here too."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one of allauth's mails, naming the site by its public address instead of by the Host header."""
        super().send_mail(template_prefix, email, {**context, "public_url": settings.PUBLIC_URL})

    def clean_email(self, email: str) -> str:
        """Refuse an address that is longer than mail can carry, which allauth would cut off."""
        MaxLengthValidator(LONGEST_EMAIL)(email)
        return str(super().clean_email(email))

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Anyone may sign up unless the operator closed the door."""
        return settings.SIGNUP_OPEN
