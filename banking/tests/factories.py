"""Create and change rows, with defaults for the fields that a test does not care about."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from banking.models import (
    Account,
    BalanceSnapshot,
    Connection,
    Item,
    Liability,
    LiabilityApr,
    RecurringStream,
    Transaction,
)
from banking.provider import Readiness
from compliance.isolation import tenant


def update_item(item: Item, **fields: object) -> Item:
    """Set columns of an Item and reload it; without ``fields``, only reload it."""
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(**fields)
        item.refresh_from_db()
    return item


def mark_synced(item: Item, **fields: object) -> Item:
    """Set the columns as after a successful sync at this moment with all history, except for ``fields``."""
    now = timezone.now()
    synced = {"connection": Connection.ACTIVE, "failures": 0, "readiness": Readiness.HISTORICAL}
    return update_item(item, **synced | {"checked_at": now, "data_as_of": now} | fields)


def make_account(item: Item, **fields: object) -> Account:
    """Create an account: a checking account in dollars by default."""
    defaults = {
        "provider_id": uuid4().hex,
        "name": "Checking",
        "mask": "0000",
        "type": "depository",
        "subtype": "checking",
        "currency": "USD",
        "balance_as_of": timezone.now(),
    }
    with tenant(item.owner_id):
        return Account.objects.create(owner_id=item.owner_id, item=item, **defaults | fields)


def build_transaction(account: Account, amount: str, **fields: object) -> Transaction:
    """Build an unsaved transaction; ``amount`` is positive when money comes in."""
    day = fields.get("day", timezone.localdate())
    defaults = {
        "provider_id": uuid4().hex,
        "amount": Decimal(amount),
        "provider_amount": -Decimal(amount),
        "currency": account.currency,
        "day": day,
        "date": day,
        "name": "STARBUCKS 123",
    }
    return Transaction(owner_id=account.owner_id, account=account, **defaults | fields)


def make_transaction(account: Account, amount: str, **fields: object) -> Transaction:
    row = build_transaction(account, amount, **fields)
    with tenant(account.owner_id):
        row.save()
    return row


def make_transactions(account: Account, rows: list[Transaction]) -> list[Transaction]:
    with tenant(account.owner_id):
        return Transaction.objects.bulk_create(rows)


def copy_transaction(row: Transaction, count: int) -> None:
    """Store this many copies of a transaction, quickly."""
    changed = {"id": "gen_random_uuid()", "provider_id": "'copy ' || number"}
    columns = [field.column for field in Transaction._meta.concrete_fields]
    statement = f"""
        INSERT INTO banking_transaction ({", ".join(columns)})
        SELECT {", ".join(changed.get(column, column) for column in columns)}
        FROM banking_transaction, generate_series(1, %s) AS number WHERE id = %s
    """
    with tenant(row.owner_id), connection.cursor() as cursor:
        cursor.execute(statement, [count, row.pk])


def make_balance(account: Account, days_ago: int, current: str | None) -> BalanceSnapshot:
    """Create the balance snapshot of ``days_ago`` days ago; ``None`` is an unknown balance."""
    with tenant(account.owner_id):
        return BalanceSnapshot.objects.create(
            owner_id=account.owner_id,
            account=account,
            day=timezone.localdate() - timedelta(days=days_ago),
            current=None if current is None else Decimal(current),
            currency=account.currency,
        )


def make_liability(account: Account, *, aprs: dict[str, str] | None = None, **fields: object) -> Liability:
    """Create the terms of an account: a card's by default, with the percentages ``aprs`` by type."""
    with tenant(account.owner_id):
        liability = Liability.objects.create(owner_id=account.owner_id, account=account, **{"kind": "credit"} | fields)
        for code, percentage in (aprs or {}).items():
            LiabilityApr.objects.create(
                owner_id=account.owner_id, liability=liability, type=code, percentage=Decimal(percentage)
            )
    return liability


def make_stream(account: Account, amount: str, **fields: object) -> RecurringStream:
    """Create a recurring payment, monthly by default; ``amount`` is positive when money comes in."""
    defaults = {
        "provider_id": uuid4().hex,
        "is_inflow": Decimal(amount) > 0,
        "average_amount": Decimal(amount),
        "last_amount": Decimal(amount),
        "currency": account.currency,
        "frequency": "MONTHLY",
        "status": "MATURE",
        "is_active": True,
        "last_date": timezone.localdate(),
        "merchant_name": "Lantern Books",
    }
    with tenant(account.owner_id):
        return RecurringStream.objects.create(owner_id=account.owner_id, account=account, **defaults | fields)
