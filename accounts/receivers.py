"""Write allauth's events into the audit trail. These are the only signals that the project listens to."""

from typing import Any

from allauth.account import signals
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from accounts.models import User
from compliance.audit import Action, record


@receiver(signals.user_signed_up)
def audit_sign_up(user: User, **_: Any) -> None:
    record(Action.USER_REGISTERED, actor=user, subject=user)


@receiver(signals.email_confirmed)
def audit_confirmation(email_address: Any, **_: Any) -> None:
    record(Action.EMAIL_CONFIRMED, actor=email_address.user, subject=email_address.user)


@receiver(user_logged_in)
def audit_sign_in(user: User, **_: Any) -> None:
    record(Action.USER_LOGIN, actor=user, subject=user)


@receiver(user_logged_out)
def audit_sign_out(user: User | None, **_: Any) -> None:
    if user is not None:
        record(Action.USER_LOGOUT, actor=user, subject=user)


@receiver(signals.password_changed)
@receiver(signals.password_set)
def audit_password_change(user: User, **_: Any) -> None:
    record(Action.PASSWORD_CHANGED, actor=user, subject=user)


@receiver(signals.password_reset)
def audit_password_reset(user: User, **_: Any) -> None:
    record(Action.PASSWORD_RESET, actor=user, subject=user)


@receiver(user_login_failed)
def audit_failed_sign_in(credentials: dict[str, Any], **_: Any) -> None:
    """Record a refused sign-in against the person it aimed at, without writing the attempted address down."""
    target = User.objects.filter(email__iexact=credentials.get("email", "")).first()
    record(Action.LOGIN_FAILED, actor=None, subject=target, outcome="refused", durable=True)
