"""Store what a person says about one account."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
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

    Raises ``Account.DoesNotExist`` for another user's account.
    """
    with tenant(user.pk):
        same = Account.objects.for_user(user).filter(Q(pk=account_id) | Q(successor=account_id))
        account = {row.pk: row for row in same.order_by("pk").select_for_update(of=["self"])}.get(account_id)
        if account is None:
            raise Account.DoesNotExist
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
