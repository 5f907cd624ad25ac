"""What follows from allauth's events: the audit trail, the marks in the session, ended sessions, mails.

These are the only signals that the project listens to.
"""

import time
from typing import Any

from allauth.account import signals
from allauth.account.authentication import get_authentication_records
from allauth.mfa import signals as factor_signals
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from accounts import browsers, lockout, tasks
from accounts.adapters import count_failure
from accounts.mfa import recovery_codes, step_up, totp
from accounts.sessions import active_sessions, lifetime, session_messages
from accounts.sessions.user_agents import device_words
from accounts.users.models import User
from compliance.audit import Action, record
from compliance.audit.facts import current_facts

NEW = {
    Authenticator.Type.TOTP: "An authenticator app was",
    Authenticator.Type.WEBAUTHN: "A passkey was",
    Authenticator.Type.RECOVERY_CODES: "Recovery codes were",
}

# --- Coming and going -------------------------------------------------------------------------------------


@receiver(signals.user_signed_up)
def audit_sign_up(user: User, **_: Any) -> None:
    record(Action.USER_REGISTERED, actor=user, subject=user)


@receiver(signals.email_confirmed)
def audit_confirmation(email_address: Any, **_: Any) -> None:
    record(Action.EMAIL_CONFIRMED, actor=email_address.user, subject=email_address.user)


@receiver(user_logged_in)
def begin_session(request: HttpRequest, user: User, **_: Any) -> None:
    """Record a sign-in with the steps that it took, and mark the session with its beginning and its factor."""
    steps = get_authentication_records(request, user)
    record(Action.USER_LOGIN, actor=user, subject=user, steps=[step.get("type", step["method"]) for step in steps])
    lifetime.begin(request.session)
    for step in steps:
        if step["method"] == "mfa":
            step_up.mark_verified(request, factor_id=step["id"], at=step["at"])


@receiver(signals.user_logged_in)
def greet_browser(request: HttpRequest, user: User, response: HttpResponse, **_: Any) -> None:
    """Tell the person, by mail and in their other sessions, of a sign-in with a browser that is new to them."""
    if not browsers.is_known(request, user) and not user.is_first_sign_in:
        device = device_words(current_facts().user_agent)
        tasks.queue_notice("accounts/email/new_browser", user=user)
        session_messages.tell_others(request, user, f"Somebody signed in with a browser that is new here: {device}.")
        messages.info(request, "This browser is new here, so we have sent you a message about this sign-in.")
    browsers.remember(request, response, user)


@receiver(user_logged_out)
def audit_sign_out(user: User | None, **_: Any) -> None:
    if user is not None:
        record(Action.USER_LOGOUT, actor=user, subject=user)


@receiver(user_login_failed)
def audit_failed_sign_in(credentials: dict[str, Any], **_: Any) -> None:
    """Record a refused sign-in against the person it aimed at; of the attempted address only a keyed hash."""
    email = credentials.get("email", "")
    target, aim = lockout.person_of(email), lockout.address_hash(email)
    record(Action.LOGIN_FAILED, subject=target, outcome="refused", durable=True, address_hash=aim)


@receiver(factor_signals.authentication_failed)
def count_failed_code(user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record a refused code and count it like a refused password."""
    record(Action.LOGIN_FAILED, subject=user, outcome="refused", durable=True, step=authenticator.type)
    count_failure(user.email)


# --- Passwords and addresses ------------------------------------------------------------------------------


@receiver(signals.password_changed)
@receiver(signals.password_set)
def end_sessions_after_change(request: HttpRequest, user: User, **_: Any) -> None:
    record(Action.PASSWORD_CHANGED, actor=user, subject=user)
    active_sessions.end_all(user, actor=user, reason="password changed")


@receiver(signals.password_reset)
def end_sessions_after_reset(user: User, **_: Any) -> None:
    """End every session, and the lock as well: whoever reads the mailbox may try anew."""
    record(Action.PASSWORD_RESET, actor=user, subject=user)
    active_sessions.end_all(user, actor=user, reason="password reset")
    lockout.forgive(user)


@receiver(signals.email_changed)
def audit_address(request: HttpRequest, user: User, from_email_address: Any, **_: Any) -> None:
    """Record a new address, and tell the person's other sessions; allauth writes to the old one."""
    if from_email_address is None:
        # Confirming the first one is no change.
        return
    record(Action.EMAIL_CHANGED, actor=user, subject=user)
    session_messages.tell_others(request, user, "The address of your account was changed.")


# --- Second factors ---------------------------------------------------------------------------------------


@receiver(signals.authentication_step_completed)
def confirm_session(request: HttpRequest, user: User, method: str, **facts: Any) -> None:
    """Renew a session whose person has just proved again who they are."""
    if not facts.get("reauthenticated"):
        return
    if method == "mfa":
        step_up.mark_verified(request, factor_id=facts["id"], at=time.time())
    active_sessions.renew_key(request)
    record(Action.IDENTITY_CONFIRMED, actor=user, subject=user, step=facts.get("type", method))


@receiver(factor_signals.authenticator_added)
@receiver(factor_signals.authenticator_reset)
def audit_new_factor(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record a new factor, which this session has just been shown to hold, and tell the person's other sessions."""
    if authenticator.type == Authenticator.Type.TOTP:
        totp.mark_used(authenticator, request.POST.get("code", ""))
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        record(Action.RECOVERY_CODES_MADE, actor=user, subject=user)
    else:
        record(Action.FACTOR_ADDED, actor=user, subject=user, resource=authenticator.type)
        step_up.mark_verified(request, factor_id=authenticator.pk, at=time.time())
    session_messages.tell_others(request, user, f"{NEW[authenticator.type]} added to your account.")


@receiver(factor_signals.authenticator_removed)
def end_sessions_after_removal(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    record(Action.FACTOR_REMOVED, actor=user, subject=user, resource=authenticator.type)
    active_sessions.end_others(request, user, reason="second factor removed")


@receiver(factor_signals.authenticator_used)
def audit_used_factor(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record the use of a passkey, and tell the person when a recovery code is gone."""
    if authenticator.type == Authenticator.Type.WEBAUTHN:
        record(Action.PASSKEY_USED, actor=user, subject=user)
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        authenticator.refresh_from_db(fields=["data"])
        left = recovery_codes.codes_left([authenticator])
        record(Action.RECOVERY_CODE_USED, actor=user, subject=user, left=left)
        tasks.queue_notice("accounts/email/recovery_code_used", user=user, left=left)
        messages.warning(request, f"You used a recovery code. Codes left: {left}.")
        session_messages.tell_others(request, user, f"A recovery code was used for your account. Codes left: {left}.")
