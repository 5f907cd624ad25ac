"""Let a bank go: at once here, and at the provider for certain.

An Item that is forgotten here goes on being billed there, so its removal is owed, with the sealed token that
it takes, until the provider confirms it.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from banking.account_matching import succession
from banking.credentials import CredentialUnreadable, open_token
from banking.models import VISIBLE_CONNECTIONS, Account, Connection, Item, LinkSession, PendingRemoval, Transaction
from banking.provider import ItemNotFound, ProviderError
from banking.providers import in_current_environments, provider_for
from banking.transactions.transfers import update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

# While something is left to be done here that a person sees.
SOON = timedelta(seconds=30)
FIRST_RETRY = timedelta(minutes=10)
LONGEST_RETRY = timedelta(hours=24)
# Ten minutes doubled so often are more than a day; without an end they are more than a timedelta can hold.
DOUBLINGS = 8
MOST_COUNTED = 1000


def unlink(*, user: User, item_id: UUID, keep_history: bool) -> PendingRemoval | None:
    """Disconnect a bank: no sync runs from now on, and its removal at the provider is owed until confirmed.

    Accounts and transactions stay, marked closed, or go, as the person chose. While rows of this person are being
    stored nobody waits for the end of that: the worker that pays what is owed does the rest, as its ``history`` says.
    Returns what is owed, or nothing when it was done before. Raises ``Item.DoesNotExist`` for an Item that is not this
    person's.
    """
    with tenant(user.pk):
        return disconnect(user=user, item_id=item_id, keep_history=keep_history)


def disconnect(*, user: User, item_id: UUID, keep_history: bool) -> PendingRemoval | None:
    """``unlink`` in the open transaction."""
    items = Item.objects.for_user(user)
    item = items.get(pk=item_id)
    # What another environment owns no worker here would end: its row is waited for.
    rows = items.select_for_update(of=["self"], skip_locked=not item.is_in_other_environment)
    locked = rows.filter(pk=item_id).first()
    if locked is not None:
        return let_go(item=locked, actor=user, keep_history=keep_history)
    return put_off(item=item, actor=user, keep_history=keep_history)


def put_off(*, item: Item, actor: User, keep_history: bool) -> PendingRemoval | None:
    """Write down that an Item is to be let go whose row another transaction holds, one that stores it most likely."""
    if item.connection not in VISIBLE_CONNECTIONS:
        wish_otherwise(item=item, keep_history=keep_history)
        return None
    owed = owe(item)
    note(owed, history=wish(keep_history))
    record(Action.DISCONNECT, actor=actor, subject=item.owner_id, resource="item", resource_id=str(item.pk))
    return owed


def let_go(*, item: Item, actor: User | None, keep_history: bool) -> PendingRemoval | None:
    """Disconnect a locked Item, in the open transaction; returns what is owed, or nothing when it was done before."""
    if item.connection not in VISIBLE_CONNECTIONS:
        wish_otherwise(item=item, keep_history=keep_history)
        return None
    owed = None if is_free_elsewhere(item) else owe(item)
    shut(item=item, owed=owed)
    # What another environment owns no worker here would settle: the end of the other storing is waited for.
    if (
        owed is not None
        and not item.is_in_other_environment
        and not succession.try_to_lock_accounts(owner_id=item.owner_id)
    ):
        note(owed, history=wish(keep_history))
    else:
        settle_history(item=item, keep=keep_history)
        if owed is not None:
            # What was wished before is over: the last word counts.
            note(owed, history="")
    record(Action.DISCONNECT, actor=actor, subject=item.owner_id, resource="item", resource_id=str(item.pk))
    return owed


def wish(keep_history: bool) -> str:
    """What a person wants done with what was read."""
    return PendingRemoval.History.KEEP if keep_history else PendingRemoval.History.DELETE


def wish_otherwise(*, item: Item, keep_history: bool) -> None:
    """Let the last word about an Item that was let go before count, unless the first one has been done already."""
    PendingRemoval.objects.filter(item=item).exclude(history="").update(history=wish(keep_history))


def shut(*, item: Item, owed: PendingRemoval | None) -> None:
    """Take the token away from a locked Item, and the Item away from whoever reads it."""
    if owed is None or owed.access_token is not None:
        item.access_token = None
    item.connection = Connection.REMOVING if owed else Connection.REMOVED
    item.removed_at = None if owed else timezone.now()
    item.lease_holder = item.leased_until = None
    item.save()
    LinkSession.objects.filter(item=item).update(chosen=[])


def note(owed: PendingRemoval, *, history: str) -> None:
    """Write down what is still to be done with what was read."""
    if owed.history != history:
        owed.history = history
        owed.save(update_fields=["history"])


def end_needless(*, owner_id: UUID, item_ids: Sequence[UUID]) -> None:
    """End Items that nobody needs any more, with their history kept, in the open transaction.

    One that somebody else is busy with is found needless again by the next reading.
    """
    found = Item.objects.filter(owner=owner_id, pk__in=item_ids, connection=Connection.REVOKED, removal=None)
    for item in found.select_for_update(of=["self"], skip_locked=True):
        let_go(item=item, actor=None, keep_history=True)


def is_free_elsewhere(item: Item) -> bool:
    """Whether an Item can be forgotten without a call: it is of another environment, and costs nothing there.

    The removal of a billed one stays owed, and is paid once the site speaks with its environment again.
    """
    return item.is_in_other_environment and not item.is_billed


def owe(item: Item) -> PendingRemoval:
    """Write down that an Item has to be ended at the provider, in the open transaction.

    The token moves to what is owed; one that cannot be opened cannot be sealed for another place, and stays.
    """
    try:
        open_token(item)
        token = item.access_token
    except CredentialUnreadable:
        token = None
    facts = {"owner_id": item.owner_id, "access_token": token}
    return PendingRemoval.objects.get_or_create(item=item, defaults=facts)[0]


def at_stake(*, user: User, item_id: UUID) -> dict[str, object]:
    """The connection that a person is asked about, and how much was read from it. Raises ``Item.DoesNotExist``."""
    with tenant(user.pk):
        item = Item.objects.for_user(user).visible().get(pk=item_id)
        return {
            "item": item,
            "accounts": Account.objects.filter(item=item).count(),
            "transactions": Transaction.objects.filter(account__item=item, removed_at=None).count(),
        }


def settle_history(*, item: Item, keep: bool) -> None:
    """Close the Item's accounts, and delete what was read from them unless it is to be kept.

    Another bank of the same person may be stored at the same moment: one of the two waits for the other.
    """
    succession.lock_accounts(owner_id=item.owner_id)
    accounts = Account.objects.filter(item=item)
    if keep:
        accounts.filter(closed_at=None).update(closed_at=timezone.now())
        is_changed = succession.settle(item=item).changed > 0
    else:
        # Asked for first: what ties them to the Item's bank may go with its accounts.
        left = [each for each in succession.accounts_at_bank(item) if each.item_id != item.pk]
        Transaction.objects.filter(account__item=item).delete()
        is_changed = accounts.delete()[0] > 0
        # What was kept of the same accounts from an earlier connection counts again.
        succession.settle(item=item, left=left)
    if is_changed:
        update_transfers(owner_id=item.owner_id)


def remove_at_provider(*, owner_id: UUID, removal_id: UUID) -> None:
    """Pay one owed removal, if its time has come; a copy of the job finds that it has not.

    Raises ``ProviderError`` after writing down what was wrong.
    """
    owed = claim(owner_id=owner_id, removal_id=removal_id)
    if owed is None:
        return
    if owed.history and not finish(owed=owed):
        return
    try:
        with tenant(owner_id):
            token = open_token(owed if owed.access_token is not None else owed.item)
        provider_for(owed.item.provider).connect().remove_item(token)
    except ItemNotFound:
        logger.info("Item %s was gone already", owed.item.provider_item_id)
    except ProviderError as error:
        with tenant(owner_id):
            PendingRemoval.objects.filter(pk=owed.pk).update(error_code=error.code[:100])
        raise
    confirm(owed=owed)


def finish(*, owed: PendingRemoval) -> bool:
    """Do what was left of letting an Item go; waits for whoever stores rows of its owner.

    Tells whether it is done: the person may have wished otherwise meanwhile, and the next attempt does that.
    """
    with tenant(owed.owner_id):
        item = Item.objects.select_for_update(of=["self"]).get(pk=owed.item_id)
        if item.connection in VISIBLE_CONNECTIONS:
            shut(item=item, owed=owed)
        settle_history(item=item, keep=owed.history == PendingRemoval.History.KEEP)
        return bool(PendingRemoval.objects.filter(pk=owed.pk, history=owed.history).update(history=""))


def claim(*, owner_id: UUID, removal_id: UUID) -> PendingRemoval | None:
    """Take a removal that is due, and put its next attempt off: whatever becomes of this one, it is tried again.

    One of another environment is not due here.
    """
    now = timezone.now()
    with tenant(owner_id):
        waiting = PendingRemoval.objects.select_related("item").select_for_update(of=["self"])
        here = waiting.filter(in_current_environments("item__"))
        owed = here.filter(pk=removal_id, next_attempt_at__lte=now).first()
        if owed is not None:
            owed.next_attempt_at = now + (SOON if owed.history else wait_after(owed.attempts))
            owed.attempts = min(owed.attempts + 1, MOST_COUNTED)
            owed.save(update_fields=["next_attempt_at", "attempts"])
        return owed


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts and one more: each time twice as long, a day at most."""
    return min(FIRST_RETRY * 2 ** min(attempts, DOUBLINGS), LONGEST_RETRY)


def confirm(*, owed: PendingRemoval) -> None:
    """Destroy the token: the provider has ended the Item. Unless a wish came meanwhile, for the next attempt."""
    with tenant(owed.owner_id):
        if not PendingRemoval.objects.filter(pk=owed.pk, history="").delete()[0]:
            return
        ended = {"connection": Connection.REMOVED, "removed_at": timezone.now(), "access_token": None}
        Item.objects.filter(pk=owed.item_id).update(**ended)
        record(
            Action.CREDENTIAL_DELETE, actor=None, subject=owed.owner_id, resource="item", resource_id=str(owed.item_id)
        )
