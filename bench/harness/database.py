"""The database that every bench measures in: the site's own tables, full of people who have used it for two years."""

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

from accounts.models import User
from banking.models import Account, Institution, Item
from banking.provider import Readiness
from bench.harness.merchants import CARD, CHECKING, LOAN, SAVINGS, SECOND_CARD, VISITED
from compliance.isolation import tenant

TRANSACTIONS = int(os.environ.get("BENCH_TRANSACTIONS", "1_000_000"))
EACH = 5_000
FEW = 50
NEWCOMER = "newcomer@plumbline.example"
SEED = Path(__file__).with_name("seed.sql")
TABLES = ("accounts_user", "banking_item", "banking_account", "banking_transaction", "banking_balancesnapshot")

# Name, kind, balance, limit; the accounts of each person's two banks.
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


def make() -> None:
    """Make roles and tables as an operator would, and fill them unless an earlier bench of this run has."""
    call_command("setup_database", verbosity=0)
    call_command("migrate", database="owner", verbosity=0)
    if not User.objects.exists():
        fill(people(TRANSACTIONS // EACH), rows_each=EACH)
        fill([person(NEWCOMER)], rows_each=FEW)
        tidy()


def regulars() -> list[User]:
    """The people with ``EACH`` transactions."""
    return list(User.objects.exclude(email=NEWCOMER).order_by("pk"))


def newcomer() -> User:
    """The person with few transactions, and everything else like the others."""
    return User.objects.get(email=NEWCOMER)


def people(count: int) -> list[User]:
    return [person(f"person{number}@plumbline.example") for number in range(count)]


def person(email: str) -> User:
    """Make a person with five accounts at two banks, through the site's own models."""
    user = User.objects.create_user(email, first_name="Robin")
    for bank, accounts in BANKS:
        open_accounts(connect_bank(user, bank), accounts)
    return user


def connect_bank(user: User, bank: str, **facts: object) -> Item:
    """Store an Item as a sync an hour ago would have left it."""
    institution, _ = Institution.objects.get_or_create(provider="plaid", provider_id=bank, defaults={"name": bank})
    read_at = timezone.now() - timedelta(hours=1)
    usual = {
        "provider_item_id": uuid4().hex,
        "readiness": Readiness.HISTORICAL,
        "cursor": "c",
        "checked_at": read_at,
        "data_as_of": read_at,
    }
    with tenant(user.pk):
        return Item.objects.create(
            owner=user,
            environment="embedded",
            institution=institution,
            institution_name=bank,
            access_token=f"access-sandbox-{user.pk}",
            **{**usual, **facts},
        )


def open_accounts(item: Item, accounts: Sequence[tuple[str, str, str, str, str | None]]) -> list[Account]:
    """Store accounts, named as the seeded transactions name them."""
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


def fill(users: Sequence[User], *, rows_each: int) -> None:
    """Give people their transactions and balances, inside the server and past row-level security."""
    facts: dict[str, object] = {"owners": [user.pk for user in users], "each": rows_each}
    for column in ("account", "name", "category", "detail", "low", "high", "channel"):
        facts[column] = [getattr(merchant, column) for merchant in VISITED]
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute("SET work_mem = '256MB'")
        for statement in SEED.read_text().split(";\n\n"):
            cursor.execute(statement, facts)


def tidy() -> None:
    """Do what autovacuum would have done by now, so that it does not begin in the middle of a measurement."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {', '.join(TABLES)}")


def signed_in_as(alias: str) -> psycopg.Connection:
    """A plain connection in one of the roles, with nothing of Django's around it."""
    return psycopg.connect(**connections[alias].get_connection_params() | {"cursor_factory": psycopg.Cursor})


def bind(connection: psycopg.Connection, owner: UUID) -> None:
    """Tell the open transaction whose rows it may touch, as the site's database backend does."""
    connection.execute("SELECT set_config('app.user_id', %s, true)", [str(owner)])
