"""allauth's authenticators, as django-otp sees them: no table of its own and no second store of secrets."""

from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import models
from django_otp.models import Device, DeviceManager


class SecondFactorManager(DeviceManager):
    """Finds devices. All of them are confirmed: allauth stores none before its first code was right."""

    def devices_for_user(self, user: Any, confirmed: bool | None = None) -> "models.QuerySet[SecondFactor]":
        """The person's devices; none of them is unconfirmed."""
        return self.none() if confirmed is False else self.filter(user=user)


class SecondFactor(Device):
    """An authenticator app, a set of recovery codes or a passkey; ``user.otp_device`` of a verified session.

    Read only. With the row goes the session's verification, at once and everywhere.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+")
    type = models.CharField(max_length=20)
    confirmed = None
    name = None

    objects = SecondFactorManager()

    class Meta:
        managed = False
        db_table = "mfa_authenticator"
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return self.type

    def is_interactive(self) -> bool:
        """Whether something has to be sent before a code can be asked for: never."""
        return False

    def verify_token(self, token: str) -> bool:
        """Check a code the way every other door does. A passkey has no codes."""
        authenticator = Authenticator.objects.get(pk=self.pk)
        if authenticator.type == Authenticator.Type.WEBAUTHN:
            return False
        return bool(authenticator.wrap().validate_code(token))


# django-otp asks each device whether it is confirmed; a class attribute cannot say so above, where ``None`` takes
# the abstract model's column away.
SecondFactor.confirmed = True  # type: ignore[assignment]
