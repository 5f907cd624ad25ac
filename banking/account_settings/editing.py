"""Store what a person says about one account."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from banking.account_matching import locks
from banking.models import Account
from compliance.audit import Action, record
from compliance.isolation import tenant


@dataclass(frozen=True, kw_only=True)
class AccountEdit:
    """All that a person says about an account. An empty name is the bank's."""

    user_name: str
    inclusion: Account.Inclusion


def edit_account(*, user: User, account_id: UUID, edit: AccountEdit) -> list[str]:
    """Store a person's words for a real account, with its former accounts; returns the names of what changed.

    If rows of this user are being stored, this waits: a sync decides then which accounts are the same. Raises
    ``Account.DoesNotExist`` for another user's account.
    """
    with tenant(user.pk):
        locks.lock_accounts(owner_id=user.pk)
        same = Account.objects.for_user(user).filter(Q(pk=account_id) | Q(successor=account_id))
        account = same.get(pk=account_id)
        values = {"user_name": edit.user_name, "inclusion": edit.inclusion}
        changed = [name for name, value in values.items() if getattr(account, name) != value]
        if changed:
            same.update(**values, edited_at=timezone.now())
            record(
                Action.ACCOUNT_EDITED,
                actor=user,
                subject=user,
                resource="account",
                resource_id=str(account_id),
                changed=changed,
            )
        return changed
