"""Second factors for django-otp: a model of allauth's table, so that secrets are stored only once."""

from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import models
from django_otp.models import Device, DeviceManager


class SecondFactorManager(DeviceManager):
    """Finds devices. All are confirmed: allauth stores a device only after its first correct code."""

    def devices_for_user(self, user: Any, confirmed: bool | None = None) -> "models.QuerySet[SecondFactor]":
        """Return the user's devices. None of them is unconfirmed."""
        return self.none() if confirmed is False else self.filter(user=user)


class SecondFactor(Device):
    """An authenticator app, a set of recovery codes or a passkey; ``user.otp_device`` of a verified session.

    Read only. Deleting the row ends the verification of its sessions at once.
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
        """Return whether a code has to be sent to the user first: never."""
        return False

    def verify_token(self, token: str) -> bool:
        """Verify a code as allauth does. A passkey has no codes."""
        authenticator = Authenticator.objects.get(pk=self.pk)
        if authenticator.type == Authenticator.Type.WEBAUTHN:
            return False
        return bool(authenticator.wrap().validate_code(token))


# django-otp reads ``confirmed`` of each device. It is set here because ``None`` in the class body removes the abstract
# model's column.
SecondFactor.confirmed = True  # type: ignore[assignment]
