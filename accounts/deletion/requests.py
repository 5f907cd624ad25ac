"""Request the deletion of an account, cancel it, or ask for it at once.

From the request on the account is dark: its sessions end, nothing is fetched for it, and each of its banks is
disconnected and removed at the provider. Its data stay for ``GRACE_PERIOD``, in which the user can cancel.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from accounts.deletion.models import DeletionRequest
from accounts.notifications import inbox
from accounts.sessions import active_sessions
from accounts.users.models import User
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account
from compliance.personal_data.processors import stop_processing

GRACE_PERIOD: Final = timedelta(days=30)


class TooLate(Exception):
    """The time to cancel is over: the account is deleted, or about to be."""


class AlreadyCanceled(Exception):
    """The request was canceled before."""


def request_deletion(*, user: User, at_once: bool = False) -> DeletionRequest:
    """Schedule the deletion of an account in 30 days, or make it due now. An open request stays, or becomes due."""
    now = timezone.now()
    with tenant(user.pk):
        lock_account(user.pk)
        due_at = now if at_once else now + GRACE_PERIOD
        request, is_new = DeletionRequest.objects.get_or_create(
            owner=user, canceled_at=None, defaults={"requested_at": now, "due_at": due_at}
        )
        if is_new:
            User.objects.filter(pk=user.pk).update(deleted_at=now)
            stop_processing(user.pk)
        elif at_once:
            request.due_at = min(request.due_at, now)
            request.save(update_fields=["due_at"])
        active_sessions.end_all_sessions(user, actor=user, reason="deletion requested")
        record(Action.DELETION_REQUESTED, actor=user, subject=user, due_at=request.due_at.isoformat())
    return request


def cancel_deletion(*, owner_id: UUID, request_id: UUID | None = None) -> User:
    """Cancel the open request of a user, or the one with this id, before it is due.

    Raises ``AlreadyCanceled``, and ``TooLate`` also if the account is gone.
    """
    with tenant(owner_id):
        lock_account(owner_id)
        user = User.objects.filter(pk=owner_id).first()
        requests = DeletionRequest.objects.for_user(owner_id)
        # Not by the time of the request: the clock may have been set back since an earlier one.
        open_first = requests.order_by(F("canceled_at").desc(nulls_first=True))
        request = (requests.filter(pk=request_id) if request_id else open_first).first()
        if request is not None and request.canceled_at is not None:
            raise AlreadyCanceled
        if user is None or request is None or request.is_due(at=timezone.now()):
            raise TooLate
        request.canceled_at = timezone.now()
        request.save(update_fields=["canceled_at"])
        User.objects.filter(pk=owner_id).update(deleted_at=None)
        inbox.schedule_pending_email(owner_id)
        record(Action.DELETION_CANCELED, actor=user, subject=user)
    return user


def get_open_request(user: User) -> DeletionRequest | None:
    """Return the request by which an account is scheduled for deletion. Needs the user as tenant."""
    return DeletionRequest.objects.for_user(user).filter(canceled_at=None).first()
