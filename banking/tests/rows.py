"""Rows that a test writes down itself, with the facts filled in that it does not care about."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from django.utils import timezone

from banking.models import Account, BalanceSnapshot, Item, Transaction
from compliance.isolation import tenant


def account_at(item: Item, **facts: object) -> Account:
    """An account at a bank: a checking account in dollars unless told otherwise."""
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


def movement(account: Account, amount: str, **facts: object) -> Transaction:
    """A movement that is not in the database yet; ``amount`` is positive when money comes in."""
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


def moved(account: Account, amount: str, **facts: object) -> Transaction:
    """A movement on an account, stored."""
    row = movement(account, amount, **facts)
    with tenant(account.owner_id):
        row.save()
    return row


def moved_all(account: Account, rows: list[Transaction]) -> list[Transaction]:
    """Many movements on an account, stored at once."""
    with tenant(account.owner_id):
        return Transaction.objects.bulk_create(rows)


def balance_on(account: Account, days_ago: int, current: str | None) -> BalanceSnapshot:
    """What an account's balance was some days ago."""
    with tenant(account.owner_id):
        return BalanceSnapshot.objects.create(
            owner_id=account.owner_id,
            account=account,
            day=timezone.localdate() - timedelta(days=days_ago),
            current=None if current is None else Decimal(current),
            currency=account.currency,
        )
