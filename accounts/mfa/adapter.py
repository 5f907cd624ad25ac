"""allauth's adapter for second factors."""

from allauth.core import context as current
from allauth.mfa.adapter import DefaultMFAAdapter
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.mfa import qr_code, sealed_secrets
from accounts.sessions.user_agents import describe_device
from accounts.users.models import User
from compliance.audit.request_details import current_request_details


class MFAAdapter(DefaultMFAAdapter):
    """Seals the secrets of second factors, and replaces allauth's messages."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("That code didn't match or was already used. Wait for the next code, then try again."),
        "unreadable_passkey": _("We couldn't read that passkey. Try again, or sign in another way."),
        "add_email_blocked": _("You can't change your email address while two-step verification is on."),
    }

    def encrypt(self, text: str) -> str:
        """Seal a new seed for the user who is setting up a factor."""
        return sealed_secrets.seal_secret(text, owner=current.request.user.pk)

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt a seed. Raises ``SealError``."""
        return sealed_secrets.open_secret(encrypted_text)

    def build_totp_svg(self, url: str) -> SafeString:
        """Draw the QR code for authenticator apps, as inline SVG."""
        return qr_code.render_svg(url)

    def generate_authenticator_name(self, user: User, type: str) -> str:
        """Return the name of a new passkey: the device on which it was created."""
        return describe_device(current_request_details().user_agent)
