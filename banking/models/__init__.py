"""Models of bank connections, accounts and transactions, and of users' own notes and categories.

Money is stored exactly as the provider sent it, next to its currency. Text that a provider sends has no
length limit here: a bank with a long name must not stop a sync.
"""

from banking.models.accounts import Account, AccountQuerySet, AccountRemoval, BalanceSnapshot
from banking.models.connection import VISIBLE_CONNECTIONS, Connection, ExpiryReason, Health
from banking.models.items import FailedRemoval, Institution, Item, OrphanedRemoval, PendingRemoval
from banking.models.links import LinkSession
from banking.models.products.item_products import ItemProduct, Product
from banking.models.products.liabilities import Liability, LiabilityApr
from banking.models.products.recurring import RecurringStream
from banking.models.rules import CategoryRule, RuleChange, RuleRun, RuleTag
from banking.models.sync_runs import RefreshOutcome, SyncRun
from banking.models.tags import Tag, TransactionTag
from banking.models.totals import TransactionTotal
from banking.models.transactions import USER_COLUMNS, Transaction, TransactionQuerySet
from banking.models.transfers import Transfer, TransferDecision
from banking.models.unstored_rows import UnstoredRow, UnstoredRowCount
from banking.models.usage import LinkedItemCount, ProviderCallCount
from banking.models.webhooks import ReceivedWebhook, WebhookEvent, WebhookOutcome

__all__ = [
    "USER_COLUMNS",
    "VISIBLE_CONNECTIONS",
    "Account",
    "AccountQuerySet",
    "AccountRemoval",
    "BalanceSnapshot",
    "CategoryRule",
    "Connection",
    "ExpiryReason",
    "FailedRemoval",
    "Health",
    "Institution",
    "Item",
    "ItemProduct",
    "Liability",
    "LiabilityApr",
    "LinkSession",
    "LinkedItemCount",
    "OrphanedRemoval",
    "PendingRemoval",
    "Product",
    "ProviderCallCount",
    "ReceivedWebhook",
    "RecurringStream",
    "RefreshOutcome",
    "RuleChange",
    "RuleRun",
    "RuleTag",
    "SyncRun",
    "Tag",
    "Transaction",
    "TransactionQuerySet",
    "TransactionTag",
    "TransactionTotal",
    "Transfer",
    "TransferDecision",
    "UnstoredRow",
    "UnstoredRowCount",
    "WebhookEvent",
    "WebhookOutcome",
]
