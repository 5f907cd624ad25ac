"""Factories of rows, with defaults for what a test does not care about."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from django.utils import timezone

from banking.models import Account, BalanceSnapshot, Item, Transaction
from compliance.isolation import tenant


def make_account(item: Item, **facts: object) -> Account:
    """A stored account: a checking account in dollars by default."""
    usual = {
        "provider_id": uuid4().hex,
        "name": "Checking",
        "mask": "0000",
        "type": "depository",
        "subtype": "checking",
        "currency": "USD",
        "balance_as_of": timezone.now(),
    }
    with tenant(item.owner_id):
        return Account.objects.create(owner_id=item.owner_id, item=item, **usual | facts)


def build_transaction(account: Account, amount: str, **facts: object) -> Transaction:
    """An unsaved transaction; ``amount`` is positive when money comes in."""
    day = facts.get("day", timezone.localdate())
    usual = {
        "provider_id": uuid4().hex,
        "amount": Decimal(amount),
        "provider_amount": -Decimal(amount),
        "currency": account.currency,
        "day": day,
        "date": day,
        "name": "STARBUCKS 123",
    }
    return Transaction(owner_id=account.owner_id, account=account, **usual | facts)


def make_transaction(account: Account, amount: str, **facts: object) -> Transaction:
    """A stored transaction."""
    row = build_transaction(account, amount, **facts)
    with tenant(account.owner_id):
        row.save()
    return row


def make_transactions(account: Account, rows: list[Transaction]) -> list[Transaction]:
    """Many transactions, stored at once."""
    with tenant(account.owner_id):
        return Transaction.objects.bulk_create(rows)


def make_balance(account: Account, days_ago: int, current: str | None) -> BalanceSnapshot:
    """The stored balance of some days ago."""
    with tenant(account.owner_id):
        return BalanceSnapshot.objects.create(
            owner_id=account.owner_id,
            account=account,
            day=timezone.localdate() - timedelta(days=days_ago),
            current=None if current is None else Decimal(current),
            currency=account.currency,
        )
