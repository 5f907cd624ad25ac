"""Erase the account of a user, at once or after the time in which they can cancel."""

from datetime import timedelta

import time_machine
from django.utils import timezone

from accounts.deletion import erasure, requests
from accounts.models import User


def erase(user: User) -> bool:
    return erasure.erase_account(owner_id=user.pk) is not None


def erase_later(user: User) -> bool:
    """Erase the account of a user after the time in which they can cancel."""
    with time_machine.travel(timezone.now() + requests.GRACE_PERIOD + timedelta(minutes=1)):
        return erase(user)
