"""allauth's adapter for sign-up, sign-in, reauthentication and emails."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context as current
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse
from django.urls import get_resolver, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.emails.rate_limit import TooManyEmails, limit_emails
from accounts.emails.sending import DELIVERY_ERRORS, EmailNotSent, public_link
from accounts.emails.tasks import enqueue_security_email
from accounts.mfa import second_factors, step_up
from accounts.sign_in import lockout
from accounts.sign_in.tasks import enqueue_unlock_email
from accounts.users.models import User
from compliance.audit.request_details import client_ip
from formats import dates

# Source: RFC 5321, 4.5.3.1.3, less the angle brackets.
MAX_EMAIL_LENGTH: Final = 254
# The key of all clients without a known address, such as behind a Unix socket; they share one rate limit.
UNKNOWN_IP: Final = "0.0.0.0"  # noqa: S104  (a key of rate limits, not an address to bind)
# allauth's error codes for a reached limit of failures, and the period of that limit; see ACCOUNT_RATE_LIMITS.
RATE_LIMIT_CODES: Final = {"too_many_login_attempts", "rate_limited"}
RETRY_AFTER_SECONDS: Final = 15 * 60


def render_too_many_requests(request: HttpRequest, *wait: int) -> HttpResponse:
    """Render the site's own page for too many requests. Without ``wait``, it names the longest limit."""
    too_many_requests: Callable[..., HttpResponse] = get_resolver().resolve_error_handler(429)
    return too_many_requests(request, *wait)


class AccountAdapter(DefaultAccountAdapter):
    """The rules and emails of sign-up, sign-in and reauthentication."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _("That email and password don't match."),
        "enter_current_password": _("That password didn't match. Enter your current password."),
        "incorrect_password": _("That password didn't match."),
        "incorrect_code": _("That code doesn't match our latest email."),
        "too_many_login_attempts": _("Too many incorrect codes. Start over to get a new one."),
        "locked": _(
            "Password sign-in is paused until %(time)s. If this address has an account, we emailed an unlock link. "
            "Passkeys still work."
        ),
    }

    # --- Signing up ---------------------------------------------------------------------------------------

    def clean_email(self, email: str) -> str:
        """Raise ``ValidationError`` for an address longer than SMTP allows; allauth would truncate it."""
        MaxLengthValidator(MAX_EMAIL_LENGTH)(email)
        return str(super().clean_email(email))

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Allow sign-up unless the operator has closed it."""
        return settings.SIGNUP_OPEN

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        """Return the URL of the page of email addresses."""
        return reverse("account_email")

    # --- Signing in ---------------------------------------------------------------------------------------

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Check lockout and rate limits before the password. Raises ``ValidationError``."""
        self.check_not_locked(credentials.get("email", ""))
        super().pre_authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a refused password. If it locks the account, email the owner a link to unlock it."""
        record_failed_attempt(credentials.get("email", ""))

    def check_not_locked(self, email: str) -> None:
        """Raise ``ValidationError`` with the time when the lockout of an address ends."""
        if until := lockout.locked_until(email):
            time = dates.zoned_time(timezone.localtime(until))
            raise ValidationError(self.error_messages["locked"], code="locked", params={"time": time})

    def login(self, request: HttpRequest, user: User) -> None:
        """Start a session after the last step, and reset the failures of the lockout."""
        user.is_first_sign_in = user.last_login is None
        super().login(request, user)
        lockout.reset_failures(user)

    def clear_login_limits(self, request: HttpRequest, user: User) -> None:
        """Clear the rate limits of a user whose lockout has just been ended by its owner."""
        self._delete_login_attempts_cached_email(request, email=user.email)
        ratelimit.clear(request, action="login_failed", key=f"mfa-auth-user-{user.pk}")

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # allauth adds the request's Host to the key, so that each host name would have a count of its own.
        return str(credentials.get("email", "")).strip().lower()

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the same IP address as in the audit trail, so that one setting decides which proxy is trusted."""
        return client_ip(request) or UNKNOWN_IP

    def validation_error(self, code: str, *args: object) -> ValidationError:
        """Return an error for a form. Raises ``ImmediateHttpResponse``, a page with 429, for a rate limit."""
        if code in RATE_LIMIT_CODES:
            raise ImmediateHttpResponse(render_too_many_requests(current.request, RETRY_AFTER_SECONDS))
        return super().validation_error(code, *args)

    # --- Reauthentication ---------------------------------------------------------------------------------

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """Use the project's own rule, ``step_up.is_fresh``."""
        return not step_up.is_fresh(current.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """List the methods of reauthentication, passkeys first. A user with a second factor cannot use the password."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if user.is_authenticated and second_factors.has_second_factor(user):
            methods = [method for method in methods if method["id"] != "reauthenticate"]
        methods.sort(key=lambda method: method["id"] != PASSKEY_METHOD)
        return [method | {"description": METHOD_LABELS[method["id"]]} for method in methods]

    # --- Mail ---------------------------------------------------------------------------------------------

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Build the password reset link from ``PUBLIC_URL``; allauth would use the request's host."""
        return public_link(urlsplit(super().get_reset_password_from_key_url(key)).path)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send an email during the request, because its content, such as a code, must not be in a queue.

        Raises ``EmailNotSent`` if sending fails, and ``ImmediateHttpResponse`` if the limit of emails is reached. Both
        roll the request back. After a failure, allauth's own limit is reset, so that the user can try again.
        """
        try:
            with limit_emails(template_prefix, email):
                super().send_mail(template_prefix, email, {**context, "public_url": settings.PUBLIC_URL})
        except TooManyEmails as error:
            raise ImmediateHttpResponse(render_too_many_requests(current.request)) from error
        except DELIVERY_ERRORS as error:
            ratelimit.clear(current.request, action="confirm_email", key=email.lower())
            raise EmailNotSent from error

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Enqueue a security email, so that the request succeeds even if the mail server is down."""
        enqueue_security_email(template_prefix, user=user, email=email or "", **(context or {}))


PASSKEY_METHOD = "mfa_reauthenticate:webauthn"
METHOD_LABELS = {
    "reauthenticate": _("Use your password"),
    "mfa_reauthenticate": _("Use a verification code"),
    PASSKEY_METHOD: _("Use a passkey"),
}


def record_failed_attempt(email: str) -> None:
    """Count a refused password or code. If it locks the account, enqueue the unlock email."""
    if lockout.record_failure(email):
        enqueue_unlock_email(lockout.user_for_email(email))
