"""CSV export of transactions, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC
from uuid import UUID

from django.db.models import QuerySet

from banking.models import Transaction
from banking.transactions.categories import get_category
from banking.transactions.listing import pagination
from banking.transactions.transaction_tags import get_tag_names
from compliance.isolation import tenant
from formats.spreadsheets import Echo, escape_formula

CHUNK_SIZE = 1000
COLUMNS = (
    "Date", "Posted", "Description", "Category", "Account", "Amount", "Currency", "Status", "Note", "Tags", "In totals",
    "Original description", "Time", "Website", "Companies", "ID",
)  # fmt: skip


def csv_lines(*, owner_id: UUID, rows: QuerySet[Transaction]) -> Iterator[str]:
    """Yield the CSV file line by line, in bounded memory.

    Each chunk is read in a transaction of its own, because the response is written after the request's has ended.
    """
    writer = csv.writer(Echo())
    yield writer.writerow(COLUMNS)
    before = ""
    while True:
        with tenant(owner_id):
            chunk = pagination.get_page(rows, read=list, size=CHUNK_SIZE, before=before)
            names = get_tag_names(owner_id=owner_id, row_ids=[row.pk for row in chunk.rows])
        for row in chunk.rows:
            yield writer.writerow(csv_cells(row, names.get(row.pk, ())))
        if chunk.older is None:
            return
        before = str(chunk.older)


def csv_cells(row: Transaction, tags: Iterable[str] = ()) -> tuple[str, ...]:
    return (
        str(row.day),
        "" if row.pending else str(row.date),
        escape_formula(row.label),
        escape_formula(str(get_category(row.effective_category).label)),
        escape_formula(str(row.account)),
        f"{row.amount.normalize():f}",
        escape_formula(row.currency),
        "pending" if row.pending else "posted",
        escape_formula(row.note),
        escape_formula(", ".join(tags)),
        # Whether the account is in totals; what of it is income or spending depends on the transaction.
        "yes" if row.account.counts else "no",
        escape_formula(row.original_description),
        row.occurred_at.astimezone(UTC).isoformat() if row.occurred_at else "",
        escape_formula(row.website),
        escape_formula(", ".join(party["name"] for party in row.counterparties if party.get("name"))),
        str(row.id),
    )
