from django.db import models


class LoginThrottle(models.Model):
    """How often sign-in to one account, or to an address without one, was refused; see ``lockout``.

    ``key`` is a keyed hash, so the table reveals neither who has an account nor whose account was attacked.
    """

    key = models.BinaryField(primary_key=True, max_length=32)
    failures = models.PositiveIntegerField()
    failed_at = models.DateTimeField()
    locked_at = models.DateTimeField(null=True)
    locked_until = models.DateTimeField(null=True)
