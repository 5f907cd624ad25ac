from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Where allauth asks the house. Sign-in limits and second factors will stand here too."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one of allauth's mails, naming the site by its public address instead of by the Host header."""
        super().send_mail(template_prefix, email, {**context, "public_url": settings.PUBLIC_URL})

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Anyone may sign up unless the operator closed the door."""
        return settings.SIGNUP_OPEN
