"""Detect a login at a bank that is already linked."""

from accounts.models import User
from banking.linking.errors import DuplicateBank
from banking.linking.sessions import LinkMetadata
from banking.models import Account, Connection, Item, LinkSession
from compliance.isolation import tenant


def check_duplicate(*, user: User, session: LinkSession, metadata: LinkMetadata) -> None:
    """Raise ``DuplicateBank`` when the same bank with one of the same accounts is linked already.

    The bank alone is not enough (a user may have two logins at one bank), nor is the mask (two accounts may share
    it). Items of another environment are not synced by this one and are not duplicates.
    """
    linked = {
        "item__provider": session.provider,
        "item__environment": session.environment,
        "item__connection__in": (Connection.ACTIVE, Connection.LOGIN_REQUIRED, Connection.NEEDS_CONSENT),
        "item__institution__provider_id": metadata.institution_id,
    }
    stored = Account.objects.for_user(user).filter(closed_at=None, **linked).select_related("item")
    # Of an Item that was just linked, only the chosen accounts are known.
    not_synced = LinkSession.objects.for_user(user).filter(**linked).exclude(account_keys=[]).select_related("item")
    candidates: list[tuple[set[tuple[str, str]], Item | None]] = []
    candidates += [({(account.name, account.mask)}, account.item) for account in stored]
    candidates += [({(name, mask) for name, mask in session.account_keys}, session.item) for session in not_synced]
    for accounts, item in candidates:
        if item is not None and accounts & metadata.accounts:
            raise DuplicateBank(item)


def check_confirmed_duplicate(*, user: User, session: LinkSession, metadata: LinkMetadata) -> None:
    """Raise ``DuplicateBank`` when the link result of the provider names a login that is linked already.

    The link token stays, so that a page that is loaded again can say so once more.
    """
    try:
        with tenant(user.pk):
            check_duplicate(user=user, session=session, metadata=metadata)
    except DuplicateBank:
        with tenant(user.pk):
            LinkSession.objects.filter(pk=session.pk).update(state=LinkSession.State.DUPLICATE)
        raise
