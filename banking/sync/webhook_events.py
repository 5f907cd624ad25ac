"""What follows from a webhook, by its kind.

A webhook is a hint. Whatever follows reads the provider's current state, so it does not matter how often or in which
order webhooks arrive. One about a dialog only names it: the provider is asked what came of it. Only what no other
response says is taken from a webhook's content: when a bank ends the access, that it has new accounts, and which
account the user no longer shares.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from accounts.models import User
from banking.connection_status import products
from banking.connection_status.events import mark_account_revoked, mark_new_accounts
from banking.connection_status.expiry import clear_announced_end, mark_expiring
from banking.linking.errors import LinkError
from banking.linking.hosted_link import read_hosted_link
from banking.models import ExpiryReason, Item, Product, WebhookEvent, WebhookOutcome
from banking.provider import ProviderError, Unavailable, WebhookKind
from banking.sync.item_refresh import ItemBusy, refresh_item_details
from banking.sync.sync_queue import OwnedId, find_item, find_link_session, request_sync
from banking.webhooks import inbox
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

# What follows for one Item or link session, by its owner and id. Returns the Item if it has to be synced now.
Handler = Callable[[UUID, UUID], Item | None]
# What one webhook says of one Item, by its owner and id.
Report = Callable[[UUID, UUID, WebhookEvent], None]


def sync_transactions(owner_id: UUID, item_id: UUID) -> Item | None:
    """The stream has changes: request a sync. ``None`` for an Item that cannot be synced."""
    return request_sync(owner_id=owner_id, item_id=item_id)


def refresh_item(owner_id: UUID, item_id: UUID) -> Item | None:
    """The state of the connection has changed: read it again. If it works again, request a sync."""
    try:
        is_repaired = refresh_item_details(owner_id=owner_id, item_id=item_id)
    except ItemBusy:
        # A running sync reads the Item once more at its end.
        if (item := request_sync(owner_id=owner_id, item_id=item_id)) is None:
            raise
        return item
    return request_sync(owner_id=owner_id, item_id=item_id) if is_repaired else None


def refresh_and_sync(owner_id: UUID, item_id: UUID) -> Item | None:
    """The user signed in at the bank, perhaps through another app: read the state, and fetch what was missed."""
    refresh_item(owner_id, item_id)
    return request_sync(owner_id=owner_id, item_id=item_id)


def read_liabilities(owner_id: UUID, item_id: UUID) -> Item | None:
    """The terms of cards or loans have changed: request a sync, which ends with reading them."""
    return read_product(owner_id, item_id, Product.LIABILITIES)


def read_recurring(owner_id: UUID, item_id: UUID) -> Item | None:
    """The recurring payments have changed: request a sync, which ends with reading them."""
    return read_product(owner_id, item_id, Product.RECURRING)


def read_product(owner_id: UUID, item_id: UUID, product: Product) -> Item | None:
    """Let a product be due, and request the sync after which it is read."""
    with tenant(owner_id):
        products.request_read(item_id=item_id, product=product)
    return request_sync(owner_id=owner_id, item_id=item_id)


def read_link_session(owner_id: UUID, session_id: UUID) -> Item | None:
    """A dialog has ended: connect the bank, unless the user has returned before and has it already.

    Raises ``Unavailable`` if the provider has to be asked again, also because it lists no result yet.
    """
    with tenant(owner_id):
        user = User.objects.get(pk=owner_id)
    try:
        items = read_hosted_link(user=user, session_id=session_id)
    except Unavailable:
        raise
    except (LinkError, ProviderError) as error:
        if isinstance(error, LinkError) and error.reason == "unfinished":
            # The dialog goes on, or the provider's list is behind its webhook.
            raise Unavailable("LINK_UNFINISHED") from error
        logger.warning("Nothing follows from a webhook about link session %s: %s", session_id, error)
        return None
    # Each of them is due, so Celery beat queues the others.
    return items[0]


def report_ending(owner_id: UUID, item_id: UUID, event: WebhookEvent) -> None:
    """Store when the access ends, as the webhook says, if it says why."""
    if reason := event.summary.get("expiry_reason"):
        text = event.summary.get("expires_at")
        expires_at = datetime.fromisoformat(text) if text else None
        mark_expiring(owner_id=owner_id, item_id=item_id, reason=ExpiryReason(reason), expires_at=expires_at)


def report_new_accounts(owner_id: UUID, item_id: UUID, event: WebhookEvent) -> None:
    """Offer the user to add the bank's new accounts."""
    mark_new_accounts(owner_id=owner_id, item_id=item_id)


def report_revoked_account(owner_id: UUID, item_id: UUID, event: WebhookEvent) -> None:
    """Close the account that the user no longer shares."""
    mark_account_revoked(owner_id=owner_id, item_id=item_id, account_id=event.summary.get("account_id", ""))


def report_repaired(owner_id: UUID, item_id: UUID, event: WebhookEvent) -> None:
    """Clear an announced end of the access: the user has signed in at the bank."""
    clear_announced_end(owner_id=owner_id, item_id=item_id)


# What is taken from each webhook, before the state is read again.
REPORTS: Final[Mapping[WebhookKind, Report]] = {
    WebhookKind.ACCESS_ENDING: report_ending,
    WebhookKind.LOGIN_REPAIRED: report_repaired,
    WebhookKind.NEW_ACCOUNTS: report_new_accounts,
    WebhookKind.ACCOUNT_REVOKED: report_revoked_account,
}
# ``None``: it is recorded, and nothing follows.
HANDLERS: Final[Mapping[WebhookKind, Handler | None]] = {
    WebhookKind.TRANSACTIONS_CHANGED: sync_transactions,
    WebhookKind.ITEM_ERROR: refresh_item,
    WebhookKind.LOGIN_REPAIRED: refresh_and_sync,
    WebhookKind.ACCESS_ENDING: refresh_item,
    WebhookKind.ACCESS_REVOKED: refresh_item,
    WebhookKind.ACCOUNT_REVOKED: sync_transactions,
    WebhookKind.NEW_ACCOUNTS: refresh_item,
    WebhookKind.WEBHOOK_UPDATED: refresh_item,
    WebhookKind.RECURRING_CHANGED: read_recurring,
    WebhookKind.HOLDINGS_CHANGED: None,
    WebhookKind.INVESTMENTS_CHANGED: None,
    WebhookKind.LIABILITIES_CHANGED: read_liabilities,
    WebhookKind.LINK: read_link_session,
    WebhookKind.OTHER: None,
}


def process_webhook(*, event_id: UUID) -> Item | None:
    """Process a stored webhook, with all others of its Item or dialog that wait. Returns the Item to sync, if any.

    A webhook that another job has processed or claimed is left alone. A failure is recorded and retried by Celery
    beat; an unforeseen exception is raised as well.
    """
    events = inbox.claim_events(event_id=event_id)
    relevant = [event for event in events if find_handler(event) is not None]
    inbox.finish_events([event for event in events if find_handler(event) is None], WebhookOutcome.IGNORED)
    if not relevant:
        return None
    first = relevant[0]
    owned_id = find_subject(first)
    if owned_id is None:
        set_aside(relevant)
        return None
    try:
        item = handle_events(relevant, *owned_id)
    except (ProviderError, ItemBusy) as error:
        code = error.code if isinstance(error, ProviderError) else "ITEM_BUSY"
        inbox.postpone_events(relevant, error_code=code)
        return None
    except Exception as error:
        inbox.postpone_events(relevant, error_code=type(error).__name__)
        raise
    inbox.finish_events(relevant, WebhookOutcome.PROCESSED)
    return item


def find_handler(event: WebhookEvent) -> Handler | None:
    """The handler of a webhook; none if it names no Item, or no dialog if it is about one."""
    subject = event.link_token_hash if event.kind == WebhookKind.LINK else event.provider_item_id
    return HANDLERS[WebhookKind(event.kind)] if subject else None


def find_subject(event: WebhookEvent) -> OwnedId | None:
    """The Item or the link session that a webhook is about, with its owner."""
    of = {"provider_key": event.provider, "environment": event.environment}
    if event.kind == WebhookKind.LINK:
        return find_link_session(**of, link_token_hash=event.link_token_hash)
    return find_item(**of, provider_item_id=event.provider_item_id)


def set_aside(events: list[WebhookEvent]) -> None:
    """Keep the webhooks of an unknown Item, which may be stored soon. A dialog is stored before a webhook names it."""
    if events[0].kind == WebhookKind.LINK:
        inbox.finish_events(events, WebhookOutcome.IGNORED)
    else:
        inbox.keep_orphans(events)


def handle_events(events: list[WebhookEvent], owner_id: UUID, item_id: UUID) -> Item | None:
    """Store what each webhook reports, and call each handler once, however many webhooks have it."""
    for event in events:
        if report := REPORTS.get(WebhookKind(event.kind)):
            report(owner_id, item_id, event)
    handlers = dict.fromkeys(handler for event in events if (handler := find_handler(event)) is not None)
    items = [handler(owner_id, item_id) for handler in handlers]
    return next((item for item in items if item is not None), None)
