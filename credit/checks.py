"""Deployment checks of the bureau's settings."""

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from credit import bureau_password


@register(Tags.security, deploy=True)
def check_password_age(**_: Any) -> list[CheckMessage]:
    """Warn when our password at the bureau is about to expire."""
    message = bureau_password.password_warning()
    hint = "Change it at Experian, then set EXPERIAN_PASSWORD and EXPERIAN_PASSWORD_SET_ON."
    return [Warning(message, hint=hint, id="plumbline.W005")] if message else []
