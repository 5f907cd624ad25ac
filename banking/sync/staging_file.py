"""A temporary file for downloaded pages until they are stored, in bounded memory.

Rows are written as COPY lines. The file goes to disk only when it grows. Each line has a sequence number, so that the
database can keep the latest change of each transaction.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from types import TracebackType
from typing import NamedTuple, Self

from msgspec.json import encode as encode_json
from uuid_utils import uuid7

from banking.provider import (
    LISTS_OF_CHANGES,
    AccountRow,
    Counterparty,
    Readiness,
    RowKind,
    TransactionRow,
    TransactionsPage,
)

MAX_IN_MEMORY = 4 * 1024 * 1024
CHUNK_SIZE = 256 * 1024

# Characters with a special meaning in COPY's text format.
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": None})
NULL = "\\N"
# A stream names each day many times.
format_day = lru_cache(maxsize=1024)(str)
# An escaped NUL in JSON, behind an even number of backslashes.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class RowError(NamedTuple):
    """Why rows could not be stored: their kind, the invalid field, and whether they have an id."""

    kind: RowKind
    field: str
    has_id: bool

    @property
    def is_list(self) -> bool:
        """Whether it is of a list of changes that was not sent."""
        return self.kind == RowKind.PAGE and self.field in LISTS_OF_CHANGES

    @property
    def may_hide_transactions(self) -> bool:
        """Whether it is of transactions without an id: of single rows, or of a whole list."""
        return self.is_list or (self.kind == RowKind.TRANSACTION and not self.has_id)

    @property
    def may_hide_changes(self) -> bool:
        """Whether it is of changes that no later page repeats."""
        return self.is_list or self.kind in (RowKind.TRANSACTION, RowKind.REMOVAL, RowKind.ACCOUNT_LIST)


class StagingFile:
    """All rows that one sync downloaded, in the order in which they were sent."""

    def __init__(self) -> None:
        self.file = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY, mode="w+b")  # noqa: SIM115
        self.accounts: dict[str, AccountRow] = {}
        self.sequence = 0
        self.removed = 0
        self.row_errors: Counter[RowError] = Counter()
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

    def add_page(self, page: TransactionsPage) -> None:
        """Append a page. Within a page, a removal is the latest change."""
        self.file.write("".join(self._copy_lines(page)).encode())
        self.accounts.update((row.provider_id, row) for row in page.accounts)
        self.pages += 1
        self.cursor = page.next_cursor
        self.readiness = page.readiness
        self.request_id = page.request_id

    def _copy_lines(self, page: TransactionsPage) -> Iterator[str]:
        for row in page.added:
            yield self._upsert_line(row)
        for row in page.modified:
            yield self._upsert_line(row)
        for provider_id in page.removed:
            self.sequence += 1
            self.removed += 1
            yield removal_line(self.sequence, provider_id)
        for kind, field, provider_id in page.skipped:
            has_id = kind == RowKind.TRANSACTION and provider_id != ""
            self.row_errors[RowError(kind, field, has_id)] += 1
            if has_id:
                self.sequence += 1
                yield skipped_line(self.sequence, provider_id, field)

    def _upsert_line(self, row: TransactionRow) -> str:
        self.sequence += 1
        return upsert_line(self.sequence, row)

    @property
    def lacks_list(self) -> bool:
        """Whether a list of changes was not sent."""
        return any(error.is_list for error in self.row_errors)

    @property
    def may_lack_rows(self) -> bool:
        """Whether rows exist of which not even the id could be read, so that a missing row may be one of them."""
        return any(error.may_hide_transactions for error in self.row_errors)

    def chunks(self) -> Iterator[bytes]:
        """Yield the COPY lines from the start."""
        self.file.seek(0)
        while chunk := self.file.read(CHUNK_SIZE):
            yield chunk

    def clear(self) -> None:
        """Discard everything: the stream changed during the download, which starts over."""
        self.file.seek(0)
        self.file.truncate()
        self.accounts.clear()
        self.row_errors.clear()
        self.sequence = self.removed = self.pages = 0


def upsert_line(sequence: int, row: TransactionRow) -> str:
    """One COPY line, in the column order of ``statements.CREATE_STAGING_TABLE``. ``str`` is faster than ``format``."""
    row = escape_row(row)
    posted, authorized = format_day(row.date), format_day(row.authorized_date) if row.authorized_date else None
    return (
        f"{sequence}\tf\t{row.provider_id}\t{uuid7()!s}\t{row.account_id}\t{row.amount!s}\t{row.provider_amount!s}\t"
        f"{row.currency}\t{authorized or posted}\t{posted}\t{authorized or NULL}\t{row.name}\t{row.merchant_name}\t"
        f"{'t' if row.pending else 'f'}\t{row.pending_id}\t{row.category}\t{row.category_detail}\t"
        f"{row.category_confidence}\t{row.payment_channel}\t{row.original_description}\t"
        f"{row.posted_at or NULL}\t{row.authorized_at or NULL}\t{copy_json(row.counterparties)}\n"
    )


def copy_json(value: Sequence[Counterparty]) -> str:
    """A list as JSON for COPY. JSON itself escapes control characters, so only its backslashes need it."""
    if not value:
        return "[]"
    text = encode_json(value).decode()
    return escape_json(text) if "\\" in text else text


def escape_json(text: str) -> str:
    """JSON with its backslashes escaped, and without NUL, which PostgreSQL cannot store."""
    return _NUL.sub(r"\1", text).replace("\\", "\\\\")


def escape_row(row: TransactionRow) -> TransactionRow:
    """The row with its text escaped for COPY. Few rows need it, and checking is faster than escaping."""
    texts = (
        f"{row.provider_id}{row.account_id}{row.currency}{row.name}{row.merchant_name}{row.pending_id}{row.category}"
        f"{row.category_detail}{row.category_confidence}{row.payment_channel}{row.original_description}"
    )
    if texts.isprintable() and "\\" not in texts:
        return row
    return TransactionRow._make(value.translate(ESCAPES) if isinstance(value, str) else value for value in row)


def removal_line(sequence: int, provider_id: str) -> str:
    """The COPY line of a removed transaction: only its sequence number and its id."""
    return f"{sequence}\tt\t{provider_id.translate(ESCAPES)}" + f"\t{NULL}" * 20 + "\n"


def skipped_line(sequence: int, provider_id: str, field: str) -> str:
    """The COPY line of a transaction that exists but could not be parsed: neither stored nor marked removed.

    Its ``name`` is the invalid field.
    """
    before, after = f"\t{NULL}" * 8, f"\t{NULL}" * 11
    return f"{sequence}\t{NULL}\t{provider_id.translate(ESCAPES)}{before}\t{field}{after}\n"
