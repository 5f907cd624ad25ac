"""Receivers of allauth's signals about second factors and reauthentication."""

import time
from typing import Any

from allauth.account import signals
from allauth.mfa import signals as factor_signals
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext

from accounts.emails.tasks import enqueue_security_email
from accounts.mfa import recovery_codes, step_up, totp
from accounts.sessions import active_sessions
from accounts.sessions.session_messages import SessionMessage, queue_message_for_other_sessions
from accounts.users.models import User
from compliance.audit import Action, record

ADDED_MESSAGES = {
    Authenticator.Type.TOTP: SessionMessage.AUTHENTICATOR_ADDED,
    Authenticator.Type.WEBAUTHN: SessionMessage.PASSKEY_ADDED,
    Authenticator.Type.RECOVERY_CODES: SessionMessage.RECOVERY_CODES_GENERATED,
}


@receiver(signals.authentication_step_completed)
def confirm_session(request: HttpRequest, user: User, method: str, **step: Any) -> None:
    """Renew the key of a session whose user has just reauthenticated."""
    if not step.get("reauthenticated"):
        return
    if method == "mfa":
        step_up.mark_verified(request, factor_id=step["id"], at=time.time())
    active_sessions.rotate_session_key(request)
    record(Action.IDENTITY_CONFIRMED, actor=user, subject=user, step=step.get("type", method))


@receiver(factor_signals.authenticator_added)
@receiver(factor_signals.authenticator_reset)
def audit_new_factor(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record a new factor, which verifies this session, and tell the user's other sessions."""
    if authenticator.type == Authenticator.Type.TOTP:
        totp.mark_code_used(authenticator, request.POST.get("code", ""))
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        record(Action.RECOVERY_CODES_MADE, actor=user, subject=user)
    else:
        record(Action.FACTOR_ADDED, actor=user, subject=user, resource=authenticator.type)
        step_up.mark_verified(request, factor_id=authenticator.pk, at=time.time())
    queue_message_for_other_sessions(request, user, ADDED_MESSAGES[authenticator.type])


@receiver(factor_signals.authenticator_removed)
def end_sessions_after_removal(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    record(Action.FACTOR_REMOVED, actor=user, subject=user, resource=authenticator.type)
    active_sessions.end_other_sessions(request, user, reason="second factor removed")


@receiver(factor_signals.authenticator_used)
def audit_used_factor(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Record the use of a passkey, and tell the user when a recovery code was used."""
    if authenticator.type == Authenticator.Type.WEBAUTHN:
        record(Action.PASSKEY_USED, actor=user, subject=user)
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        authenticator.refresh_from_db(fields=["data"])
        left = recovery_codes.count_unused_codes([authenticator])
        record(Action.RECOVERY_CODE_USED, actor=user, subject=user, left=left)
        enqueue_security_email("accounts/email/recovery_code_used", user=user, left=left)
        messages.warning(request, describe_codes_left(left or 0))
        queue_message_for_other_sessions(request, user, SessionMessage.RECOVERY_CODE_USED, left=left or 0)


def describe_codes_left(left: int) -> str:
    """Return the message that says how many recovery codes are left after one was used."""
    if left == 0:
        return gettext("You used your last recovery code. Generate new ones on the security page.")
    sentence = ngettext(
        "You used a recovery code. You have %(count)d code left.",
        "You used a recovery code. You have %(count)d codes left.",
        left,
    )
    return sentence % {"count": left}
