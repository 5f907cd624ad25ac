"""Transactions as a CSV file that no spreadsheet will execute."""

import csv
from collections.abc import Iterator
from uuid import UUID

from django.db.models import QuerySet

from banking.models import Transaction
from banking.transactions import paging
from banking.transactions.categories import category
from compliance.isolation import tenant

CHUNK = 1000
COLUMNS = ("Date", "Posted", "Description", "Category", "Account", "Amount", "Currency", "Status", "Note", "ID")

# A cell that begins with one of these is a formula to a spreadsheet. Source: OWASP, CSV Injection.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Line:
    """A file that hands every written line straight back."""

    def write(self, line: str) -> str:
        return line


def lines(*, owner_id: UUID, rows: QuerySet[Transaction]) -> Iterator[str]:
    """Yield the file line by line, in bounded memory.

    Each chunk is read in its own transaction: the response is written after the request's has ended.
    """
    writer = csv.writer(Line())
    yield writer.writerow(COLUMNS)
    before = ""
    while True:
        with tenant(owner_id):
            chunk = paging.page(rows, read=list, size=CHUNK, before=before)
        for row in chunk.rows:
            yield writer.writerow(cells(row))
        if chunk.older is None:
            return
        before = str(chunk.older)


def cells(row: Transaction) -> tuple[str, ...]:
    return (
        str(row.day),
        "" if row.pending else str(row.date),
        harmless(row.label),
        harmless(category(row.effective_category).label),
        harmless(str(row.account)),
        f"{row.amount.normalize():f}",
        harmless(row.currency),
        "pending" if row.pending else "posted",
        harmless(row.note),
        str(row.id),
    )


def harmless(text: str) -> str:
    """Quote text that a spreadsheet would run. Amounts are numbers of ours and stay as they are."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
