"""Requests for the deletion of an account, the view of them for operators, and receipts that are not sent yet."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from compliance.isolation import SYSTEM
from compliance.isolation.models import BoundQuerySet, Owned, new_id
from compliance.vault.fields import SealedTextField


class DeletionRequest(Owned):
    """A user's request to delete their account at ``due_at``, unless they cancel it before.

    At most one is open. While one is, ``User.deleted_at`` has its time. It is deleted with the account.
    ``emailed_at`` is when the mail server accepted the email with the link that cancels it.
    """

    requested_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    canceled_at = models.DateTimeField(null=True)
    emailed_at = models.DateTimeField(null=True)
    next_email_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner"], condition=Q(canceled_at=None), name="one_open_deletion_request"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(canceled_at=None), name="deletions_due"),
        ]

    def is_due(self, *, at: datetime) -> bool:
        """Whether the account is to be deleted now, so that the request can no longer be canceled."""
        return self.canceled_at is None and self.due_at <= at


class ScheduledDeletion(models.Model):
    """An open request of any user, in a view that only the operators' site can read."""

    id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField()
    requested_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "accounts_scheduled_deletions"
        ordering: ClassVar = ["due_at"]


class UnsentReceipt(models.Model):
    """Where the receipt of an erasure has to be sent: the address, sealed for the site. Deleted once it is sent.

    ``account`` is the random id of the erased user, which the receipt has, too.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.UUIDField(default=SYSTEM, editable=False)
    account = models.UUIDField(unique=True, editable=False)
    email = SealedTextField(owner="owner")
    next_attempt_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = BoundQuerySet.as_manager()
