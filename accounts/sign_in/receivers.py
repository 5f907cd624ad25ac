"""Receivers of allauth's signals about signing in: they record audit events, mark and end sessions, and send emails.

These and ``accounts.mfa.receivers`` are the only receivers of signals in the project.
"""

from typing import Any

from allauth.account import signals
from allauth.account.authentication import get_authentication_records
from allauth.mfa import signals as factor_signals
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from accounts.agreements import required_texts
from accounts.emails.tasks import enqueue_security_email
from accounts.mfa import step_up
from accounts.sessions import active_sessions, lifetime
from accounts.sessions.session_messages import SessionMessage, queue_message_for_other_sessions
from accounts.sign_in import known_devices, lockout
from accounts.sign_in.adapter import record_failed_attempt
from accounts.users.models import User
from compliance.audit import Action, record
from compliance.audit.request_details import current_request_details

# --- Signing up, in and out -------------------------------------------------------------------------------


@receiver(signals.user_signed_up)
def audit_sign_up(user: User, **_: Any) -> None:
    record(Action.USER_REGISTERED, actor=user, subject=user)


@receiver(signals.email_confirmed)
def audit_confirmation(email_address: Any, **_: Any) -> None:
    record(Action.EMAIL_CONFIRMED, actor=email_address.user, subject=email_address.user)


@receiver(user_logged_in)
def start_session(request: HttpRequest, user: User, **_: Any) -> None:
    """Record a sign-in with its steps; store the session's start, its second factor and the agreed versions."""
    steps = get_authentication_records(request, user)
    record(Action.USER_LOGIN, actor=user, subject=user, steps=[step.get("type", step["method"]) for step in steps])
    lifetime.start_session(request.session)
    required_texts.remember_agreed_versions(request.session, user_id=user.pk)
    for step in steps:
        if step["method"] == "mfa":
            step_up.mark_verified(request, factor_id=step["id"], at=step["at"])


@receiver(signals.user_logged_in)
def notify_of_new_device(request: HttpRequest, user: User, response: HttpResponse, **_: Any) -> None:
    """Report a sign-in with a new browser to the user, by email and in their other sessions."""
    if not known_devices.is_known_device(request, user) and not user.is_first_sign_in:
        user_agent = current_request_details().user_agent
        enqueue_security_email("accounts/email/new_browser", user=user)
        queue_message_for_other_sessions(request, user, SessionMessage.NEW_BROWSER, user_agent=user_agent)
        messages.info(request, gettext("You signed in from a new browser, so we emailed you."))
    known_devices.remember_device(request, response, user)


@receiver(user_logged_out)
def audit_sign_out(user: User | None, **_: Any) -> None:
    if user is not None:
        record(Action.USER_LOGOUT, actor=user, subject=user)


@receiver(user_login_failed)
def audit_failed_sign_in(credentials: dict[str, Any], **_: Any) -> None:
    """Record a refused sign-in in the trail of the address's user, with a keyed hash of the address."""
    email = credentials.get("email", "")
    user, address_hash = lockout.user_for_email(email), lockout.hash_email(email)
    record(Action.LOGIN_FAILED, subject=user, outcome="refused", durable=True, address_hash=address_hash)


@receiver(factor_signals.authentication_failed)
def count_failed_code(user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record a refused code, and count it like a refused password."""
    record(Action.LOGIN_FAILED, subject=user, outcome="refused", durable=True, step=authenticator.type)
    record_failed_attempt(user.email)


# --- Passwords and addresses ------------------------------------------------------------------------------


@receiver(signals.password_changed)
@receiver(signals.password_set)
def end_sessions_after_change(request: HttpRequest, user: User, **_: Any) -> None:
    record(Action.PASSWORD_CHANGED, actor=user, subject=user)
    active_sessions.end_all_sessions(user, actor=user, reason="password changed")


@receiver(signals.password_reset)
def end_sessions_after_reset(user: User, **_: Any) -> None:
    """End every session and the lockout, because the user has access to the mailbox."""
    record(Action.PASSWORD_RESET, actor=user, subject=user)
    active_sessions.end_all_sessions(user, actor=user, reason="password reset")
    lockout.reset_failures(user)


@receiver(signals.email_changed)
def audit_address(request: HttpRequest, user: User, from_email_address: Any, **_: Any) -> None:
    """Record a new address, and tell the user's other sessions. allauth sends an email to the old address."""
    if from_email_address is None:
        # Confirming the first address is not a change.
        return
    record(Action.EMAIL_CHANGED, actor=user, subject=user)
    queue_message_for_other_sessions(request, user, SessionMessage.EMAIL_CHANGED)
