"""Other ways to store transactions, for the site's own to be held against.

The *page limit* is as fast as pages of 500 can be stored in this table: bytes that stand ready, COPY into a
temporary stage, one INSERT ... ON CONFLICT, commit. The *stock ORM* stores what Plaid sent by Django's
``bulk_create`` with conflicts, a page at a time.
"""

from collections.abc import Sequence

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
    SET ({", ".join(PROVIDER_COLUMNS)}) = ({", ".join(f"excluded.{fact}" for fact in PROVIDER_COLUMNS)})
"""


class PageLimit:
    """The floor: a connection in the site's role, bound to the owner, with nothing of Django's in between."""

    def __init__(self) -> None:
        self.connection = database.signed_in_as("default")
        self.connection.execute(STAGE)
        self.connection.commit()

    def store(self, account: Account, pages: Sequence[bytes]) -> None:
        """Store pages of ready COPY bytes, a commit each."""
        for page in pages:
            database.bind(self.connection, account.owner_id)
            with self.connection.cursor().copy(COPY) as copy:
                copy.write(page)
            self.connection.execute(UPSERT)
            self.connection.commit()


def ready_bytes(account: Account, page: bytes) -> bytes:
    """A page of Plaid's JSON as COPY's text format; the bench's own rows hold nothing that would need escaping."""
    values = ([getattr(row, column) for column in COLUMNS] for row in models(account, decode_added(page)))
    return "".join("\t".join(map(cell, row)) + "\n" for row in values).encode()


def cell(value: object) -> str:
    return "\\N" if value is None else str(value)


def store_by_orm(account: Account, pages: Sequence[bytes]) -> None:
    """Store pages of Plaid's JSON by ``bulk_create``, a transaction each."""
    for page in pages:
        with tenant(account.owner_id):
            Transaction.objects.bulk_create(
                models(account, decode_added(page)),
                update_conflicts=True,
                unique_fields=["account", "provider_id"],
                update_fields=[*PROVIDER_COLUMNS, "removed_at"],
            )


def decode_added(page: bytes) -> Sequence[TransactionRow]:
    return responses.parse_sync(page).added


def models(account: Account, rows: Sequence[TransactionRow]) -> list[Transaction]:
    return [
        Transaction(
            id=new_id(),
            owner_id=account.owner_id,
            account_id=account.pk,
            day=row.authorized_date or row.date,
            **{name: value for name, value in row._asdict().items() if name != "account_id"},
        )
        for row in rows
    ]
