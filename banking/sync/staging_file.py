"""Pages on their way from the provider to the database, in bounded memory.

Rows are written as COPY lines into a temporary file that touches the disk only when it grows. Each line
carries a running number, so that the database can keep the last word about each transaction.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from uuid_utils import uuid7

from banking.provider import AccountRow, Readiness, TransactionRow, TransactionsPage

IN_MEMORY = 4 * 1024 * 1024
CHUNK = 256 * 1024

# COPY's text format gives these characters a meaning of their own.
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": None})
NULL = "\\N"


class Spool:
    """Everything that one reading of the stream brought, in the order it was sent."""

    def __init__(self) -> None:
        self.file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, mode="w+b")  # noqa: SIM115
        self.accounts: dict[str, AccountRow] = {}
        self.sequence = 0
        self.removed = 0
        self.flaws: Counter[str] = Counter()
        self.unnamed = 0
        self.pages = 0
        self.cursor = ""
        self.readiness = Readiness.NOT_READY
        self.request_id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def add(self, page: TransactionsPage) -> None:
        """Append a page. Within a page, what is removed has the last word."""
        self.file.write("".join(self.lines(page)).encode())
        self.accounts.update((row.provider_id, row) for row in page.accounts)
        self.pages += 1
        self.cursor = page.next_cursor
        self.readiness = page.readiness
        self.request_id = page.request_id

    def lines(self, page: TransactionsPage) -> Iterator[str]:
        for row in page.added:
            yield self.upsert(row)
        for row in page.modified:
            yield self.upsert(row)
        for provider_id in page.removed:
            self.sequence += 1
            self.removed += 1
            yield removal(self.sequence, provider_id)
        for kind, field, provider_id in page.skipped:
            self.flaws[f"{kind}.{field}"] += 1
            if provider_id:
                self.sequence += 1
                yield mention(self.sequence, provider_id)
            elif kind == "transaction":
                self.unnamed += 1

    def upsert(self, row: TransactionRow) -> str:
        self.sequence += 1
        return upsert(self.sequence, row)

    def chunks(self) -> Iterator[bytes]:
        """Give the COPY lines back from the start."""
        self.file.seek(0)
        while chunk := self.file.read(CHUNK):
            yield chunk

    def clear(self) -> None:
        """Forget everything: the stream changed under the reader, who begins again."""
        self.file.seek(0)
        self.file.truncate()
        self.accounts.clear()
        self.flaws.clear()
        self.sequence = self.removed = self.unnamed = self.pages = 0


def upsert(sequence: int, row: TransactionRow) -> str:
    """One COPY line, in the order of ``statements.STAGE``. ``str`` is faster than ``format`` for amounts and dates."""
    row = plain(row)
    posted, authorized = str(row.date), str(row.authorized_date) if row.authorized_date else None
    return (
        f"{sequence}\tf\t{row.provider_id}\t{uuid7()!s}\t{row.account_id}\t{row.amount!s}\t{row.provider_amount!s}\t"
        f"{row.currency}\t{authorized or posted}\t{posted}\t{authorized or NULL}\t{row.name}\t{row.merchant_name}\t"
        f"{'t' if row.pending else 'f'}\t{row.pending_id}\t{row.category}\t{row.category_detail}\t"
        f"{row.category_confidence}\t{row.payment_channel}\n"
    )


def plain(row: TransactionRow) -> TransactionRow:
    """The row with texts that COPY reads back as they were. Hardly any needs escaping, and to look is quicker."""
    texts = (
        f"{row.provider_id}{row.account_id}{row.currency}{row.name}{row.merchant_name}{row.pending_id}{row.category}"
        f"{row.category_detail}{row.category_confidence}{row.payment_channel}"
    )
    if texts.isprintable() and "\\" not in texts:
        return row
    return TransactionRow._make(each.translate(ESCAPES) if isinstance(each, str) else each for each in row)


def removal(sequence: int, provider_id: str) -> str:
    """The COPY line of a withdrawn transaction: its number and its id, and nothing else."""
    return f"{sequence}\tt\t{provider_id.translate(ESCAPES)}" + f"\t{NULL}" * 16 + "\n"


def mention(sequence: int, provider_id: str) -> str:
    """The COPY line of a transaction that is there but cannot be read: neither stored nor taken for gone."""
    return f"{sequence}\t{NULL}\t{provider_id.translate(ESCAPES)}" + f"\t{NULL}" * 16 + "\n"
