"""Stored words lose the HTML that some banks escape them with, as ``banking.plaid.fields`` reads them by now.

Once for each row, like there: ``&amp;amp;`` becomes ``&amp;``. A row tells nobody by which version it was stored, so one
that came escaped twice and was read by the newer version already goes one step further, until its bank sends it again.
Everything is one transaction, with Django's note that it is done: a run that breaks off leaves nothing half done.

``app_lookup`` alone sees everybody's rows. It may write these columns until the end of this migration.
"""

import html
import re
from collections.abc import Iterator
from html.entities import html5

from django.db import migrations

WORDS = {
    "banking_transaction": ("name", "merchant_name"),
    "banking_account": ("name", "official_name"),
    "banking_item": ("institution_name",),
    "banking_institution": ("name",),
}
AT_ONCE = 1000
ENTITY = re.compile(r"&(#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)")


def unescape_rows(cursor) -> None:
    """Read the rows that may hold an entity, and write those anew that hold one."""
    for table, columns in WORDS.items():
        named = ", ".join(columns)
        cursor.execute(f"GRANT UPDATE ({named}) ON {table} TO app_lookup")
        cursor.execute("SET LOCAL ROLE app_lookup")
        assigned = ", ".join(f"{column} = %s" for column in columns)
        for changed in batches(cursor, table, columns):
            cursor.executemany(f"UPDATE {table} SET {assigned} WHERE id = %s", changed)
        cursor.execute("RESET ROLE")
        cursor.execute(f"REVOKE UPDATE ({named}) ON {table} FROM app_lookup")


def batches(cursor, table: str, columns: tuple[str, ...]) -> Iterator[list[tuple[object, ...]]]:
    """The rows of a table that hold an entity, as they should be: their words, and their id at the end."""
    found = " OR ".join(f"{column} LIKE '%&%;%'" for column in columns)
    cursor.execute(f"DECLARE words NO SCROLL CURSOR FOR SELECT {', '.join(columns)}, id FROM {table} WHERE {found}")
    while rows := fetched(cursor):
        plain = [(*map(unescaped, words), pk) for *words, pk in rows]
        if changed := [new for new, old in zip(plain, rows, strict=True) if new != tuple(old)]:
            yield changed
    cursor.execute("CLOSE words")


def fetched(cursor) -> list[tuple[object, ...]]:
    cursor.execute(f"FETCH {AT_ONCE} FROM words")
    return cursor.fetchall()


def unescaped(text: str) -> str:
    return ENTITY.sub(lambda found: html.unescape(found[0]) if is_entity(found[1]) else found[0], text)


def is_entity(name: str) -> bool:
    return name.startswith("#") or name in html5


def unescape_stored(apps, schema_editor) -> None:
    with schema_editor.connection.cursor() as cursor:
        unescape_rows(cursor)


class Migration(migrations.Migration):
    dependencies = [("banking", "0017_owed_history")]

    operations = [migrations.RunPython(unescape_stored, migrations.RunPython.noop)]
