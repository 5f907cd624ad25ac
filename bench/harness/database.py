"""The database of the benches: the site's tables, with users who have two years of transactions."""

import os
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from accounts.agreements import required_texts
from accounts.models import User
from banking.models import Account, Institution, Item
from banking.provider import Readiness
from bench.harness.merchants import CARD, CHECKING, LOAN, SAVINGS, SECOND_CARD, WEIGHTED_MERCHANTS
from compliance.isolation import tenant

TRANSACTIONS = int(os.environ.get("BENCH_TRANSACTIONS", "1_000_000"))
TRANSACTIONS_PER_USER = 5_000
FEW_TRANSACTIONS = 50
NEW_USER_EMAIL = "newcomer@plumbline.example"
SEED = Path(__file__).with_name("seed.sql")
TABLES = ("accounts_user", "banking_item", "banking_account", "banking_transaction", "banking_balancesnapshot")

# Name, type, subtype, balance and limit of the accounts at each user's two banks.
BANKS = (
    (
        "First Platypus Bank",
        ((CHECKING, "depository", "checking", "4210.55", None), (SAVINGS, "depository", "savings", "12800", None)),
    ),
    (
        "Tartan Bank",
        (
            (CARD, "credit", "credit card", "1240.18", "6000"),
            (SECOND_CARD, "credit", "credit card", "310.02", "2500"),
            (LOAN, "loan", "mortgage", "218400", None),
        ),
    ),
)


def prepare() -> None:
    """Create roles and tables as an operator does, and users with data unless an earlier bench has created them."""
    call_command("setup_database", verbosity=0)
    call_command("migrate", database="owner", verbosity=0)
    if not User.objects.exists():
        insert_history(create_users(TRANSACTIONS // TRANSACTIONS_PER_USER), rows_per_user=TRANSACTIONS_PER_USER)
        insert_history([create_user(NEW_USER_EMAIL)], rows_per_user=FEW_TRANSACTIONS)
        vacuum()


def list_regular_users() -> list[User]:
    """List the users with ``TRANSACTIONS_PER_USER`` transactions."""
    return list(User.objects.exclude(email=NEW_USER_EMAIL).order_by("pk"))


def get_new_user() -> User:
    """Return the user with few transactions, but the same accounts as the others."""
    return User.objects.get(email=NEW_USER_EMAIL)


def create_users(count: int) -> list[User]:
    return [create_user(f"user{number}@plumbline.example") for number in range(count)]


def create_user(email: str) -> User:
    """Create a user with five accounts at two banks, through the site's models."""
    user = User.objects.create_user(email, first_name="Robin")
    required_texts.agree(user=user, missing=required_texts.list_missing(user_id=user.pk))
    for bank, accounts in BANKS:
        open_accounts(connect_bank(user, bank), accounts)
    return user


def connect_bank(user: User, bank: str, **fields: object) -> Item:
    """Create an Item in the state after a sync an hour ago. ``fields`` override its columns."""
    institution, _ = Institution.objects.get_or_create(provider="plaid", provider_id=bank, defaults={"name": bank})
    synced_at = timezone.now() - timedelta(hours=1)
    defaults = {
        "provider_item_id": uuid4().hex,
        "access_token": f"access-sandbox-{user.pk}",
        "readiness": Readiness.HISTORICAL,
        "cursor": "c",
        "checked_at": synced_at,
        "data_as_of": synced_at,
    }
    with tenant(user.pk):
        return Item.objects.create(
            owner=user,
            environment="embedded",
            institution=institution,
            institution_name=bank,
            **{**defaults, **fields},
        )


def open_accounts(item: Item, accounts: Sequence[tuple[str, str, str, str, str | None]]) -> list[Account]:
    """Create accounts with the names by which the seeded transactions find them."""
    with tenant(item.owner_id):
        return Account.objects.bulk_create(
            Account(
                owner_id=item.owner_id,
                item=item,
                provider_id=f"{name} {item.pk}",
                name=name,
                mask="0000",
                type=kind,
                subtype=subtype,
                current=Decimal(current),
                available=Decimal(current) if kind == "depository" else None,
                limit=Decimal(limit) if limit else None,
                currency="USD",
                balance_as_of=item.checked_at,
            )
            for name, kind, subtype, current, limit in accounts
        )


def insert_history(users: Sequence[User], *, rows_per_user: int) -> None:
    """Insert transactions and balances of these users, in the role that sees all rows. See ``seed.sql``."""
    parameters: dict[str, object] = {"owners": [user.pk for user in users], "each": rows_per_user}
    for column in ("account", "name", "category", "detail", "low", "high", "channel"):
        parameters[column] = [getattr(merchant, column) for merchant in WEIGHTED_MERCHANTS]
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute("SET work_mem = '256MB'")
        for statement in SEED.read_text().split(";\n\n"):
            cursor.execute(statement, parameters)


def vacuum() -> None:
    """Vacuum and analyze the tables, so that autovacuum does not start during a measurement."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {', '.join(TABLES)}")


def open_connection(alias: str) -> psycopg.Connection:
    """Open a psycopg connection with the settings of a Django database alias."""
    return psycopg.connect(**connections[alias].get_connection_params() | {"cursor_factory": psycopg.Cursor})


def bind_owner(connection: psycopg.Connection, owner: UUID) -> None:
    """Bind the open transaction to an owner's rows, as the site's database backend does."""
    connection.execute("SELECT set_config('app.user_id', %s, true)", [str(owner)])
