"""Two other ways to store transactions, with which the site's sync is compared.

The *page limit* is the fastest way to store pages of 500 rows in this table: prepared bytes, COPY into a temporary
table, one INSERT ... ON CONFLICT, commit. The *ORM* stores Plaid's pages with Django's ``bulk_create`` with conflicts,
a page at a time.
"""

import json
from collections.abc import Sequence

import msgspec

from banking.models import Account, Transaction
from banking.plaid import responses
from banking.provider import TransactionRow
from banking.sync.statements import PROVIDER_COLUMNS
from bench.harness import database
from compliance.isolation import tenant
from compliance.isolation.models import new_id

COLUMNS = ("id", "owner_id", "account_id", "provider_id", *PROVIDER_COLUMNS, "user_category", "note", "hidden")
STAGE = "CREATE TEMPORARY TABLE stage (LIKE banking_transaction INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
COPY = f"COPY stage ({', '.join(COLUMNS)}) FROM STDIN"
UPSERT = f"""
    INSERT INTO banking_transaction ({", ".join(COLUMNS)}) SELECT {", ".join(COLUMNS)} FROM stage
    ON CONFLICT (account_id, provider_id) DO UPDATE
    SET ({", ".join(PROVIDER_COLUMNS)}) = ({", ".join(f"excluded.{column}" for column in PROVIDER_COLUMNS)})
"""


class PageLimit:
    """Stores prepared pages over a psycopg connection in the site's role, bound to the owner, without Django."""

    def __init__(self) -> None:
        self.connection = database.open_connection("default")
        self.connection.execute(STAGE)
        self.connection.commit()

    def store(self, account: Account, pages: Sequence[bytes]) -> None:
        """Store pages of COPY bytes, with a commit after each."""
        for page in pages:
            database.bind_owner(self.connection, account.owner_id)
            with self.connection.cursor().copy(COPY) as copy:
                copy.write(page)
            self.connection.execute(UPSERT)
            self.connection.commit()


def build_copy_bytes(account: Account, page: bytes) -> bytes:
    """Convert a page of Plaid's JSON to COPY's text format. Nothing in the bench's rows needs escaping."""
    values = ([getattr(row, column) for column in COLUMNS] for row in build_transactions(account, decode_added(page)))
    return "".join("\t".join(map(format_cell, row)) + "\n" for row in values).encode()


def format_cell(value: object) -> str:
    if value is None:
        return "\\N"
    return json.dumps(value) if isinstance(value, list) else str(value)


def store_by_orm(account: Account, pages: Sequence[bytes]) -> None:
    """Store pages of Plaid's JSON with ``bulk_create``, each in its own transaction."""
    for page in pages:
        with tenant(account.owner_id):
            Transaction.objects.bulk_create(
                build_transactions(account, decode_added(page)),
                update_conflicts=True,
                unique_fields=["account", "provider_id"],
                update_fields=[*PROVIDER_COLUMNS, "removed_at"],
            )


def decode_added(page: bytes) -> Sequence[TransactionRow]:
    return responses.parse_sync(page).added


def build_transactions(account: Account, rows: Sequence[TransactionRow]) -> list[Transaction]:
    return [
        Transaction(
            id=new_id(),
            owner_id=account.owner_id,
            account_id=account.pk,
            day=row.authorized_date or row.date,
            **{name: value for name, value in row._asdict().items() if name not in ("account_id", "counterparties")},
            counterparties=[msgspec.to_builtins(party) for party in row.counterparties],
        )
        for row in rows
    ]
