"""The received mails: stored, listed and parsed."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from functools import cached_property
from sqlite3 import Row
from typing import Any

from sandbox.clock import parse_stamp, stamp
from sandbox.context import AppContext

MAX_MAILS = 500
ADDRESS_IN_TEXT = re.compile(r"https?://[^\s<>\"']+")

SCHEMA = """
CREATE TABLE IF NOT EXISTS mails (
    mail_id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    raw BLOB NOT NULL
);
"""


@dataclass(frozen=True)
class Attachment:
    """A part of a mail that is a file. The mailbox lists it without a download."""

    name: str
    kind: str
    size: int


@dataclass(frozen=True)
class Mail:
    """One mail. ``sender`` and ``recipients`` are from the envelope, so they include blind copies."""

    mail_id: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def subject(self) -> str:
        """The subject, decoded; empty if there is none."""
        return _decode_header(self._message["Subject"])

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Every header in its order, decoded and on one line."""
        return [(name, _decode_header(value)) for name, value in self._message.items()]

    @property
    def text(self) -> str:
        """The plain text, or an empty string for a mail that has none."""
        part = self._first("text/plain")
        return _content(part) if part else ""

    @property
    def html_source(self) -> str:
        """The source of the HTML part. It is never rendered."""
        part = self._first("text/html")
        return _content(part) if part else ""

    @property
    def links(self) -> list[str]:
        """The URLs in the text, in order, without punctuation after them."""
        return [address.rstrip(".,;:!?)]") for address in ADDRESS_IN_TEXT.findall(self.text)]

    @property
    def attachments(self) -> list[Attachment]:
        return [_attachment(part) for part in self._message.walk() if part.get_filename()]

    def as_json(self) -> dict[str, Any]:
        """Return the mail as the JSON endpoint does."""
        return {
            "id": self.mail_id,
            "received_at": stamp(self.received_at),
            "from": self.sender,
            "to": list(self.recipients),
            "subject": self.subject,
            "text": self.text,
            "links": self.links,
            "has_html": bool(self.html_source),
            "headers": [list(pair) for pair in self.headers],
        }

    @cached_property
    def _message(self) -> Message:
        return message_from_bytes(self.raw)

    def _first(self, kind: str) -> Message | None:
        parts = (part for part in self._message.walk() if not part.get_filename())
        return next((part for part in parts if part.get_content_type() == kind), None)


def keep(context: AppContext, *, sender: str, recipients: list[str], raw: bytes) -> int:
    """Store one mail and return its id; all but the latest ``MAX_MAILS`` are deleted."""
    store = context.store
    with store.transaction():
        mail_id = store.insert(
            "INSERT INTO mails (received_at, sender, recipients, raw) VALUES (?, ?, ?, ?)",
            stamp(context.clock.real()),
            _replace_surrogates(sender),
            json.dumps([_replace_surrogates(address) for address in recipients]),
            raw,
        )
        store.execute("DELETE FROM mails WHERE mail_id <= ?", mail_id - MAX_MAILS)
    return mail_id


def find(context: AppContext, mail_id: int) -> Mail | None:
    """Return the mail with this id, or None."""
    row = context.store.one("SELECT * FROM mails WHERE mail_id = ?", mail_id)
    return _mail(row) if row else None


def newest(context: AppContext, *, to: str = "", before: int | None = None, count: int = MAX_MAILS) -> list[Mail]:
    """List up to ``count`` mails, newest first: to the address ``to`` and older than the mail ``before``, if given."""
    rows = context.store.all(
        """
        SELECT * FROM mails
        WHERE (? = '' OR EXISTS (SELECT 1 FROM json_each(recipients) WHERE lower(value) = lower(?)))
          AND (? IS NULL OR mail_id < ?)
        ORDER BY mail_id DESC LIMIT ?
        """,
        *(to, to, before, before, count),
    )
    return [_mail(row) for row in rows]


def _mail(row: Row) -> Mail:
    recipients = tuple(json.loads(row["recipients"]))
    return Mail(row["mail_id"], parse_stamp(row["received_at"]), row["sender"], recipients, row["raw"])


def _decode_header(value: Any) -> str:
    """Decode a header into one line. One with an invalid encoding is returned as it is."""
    if value is None:
        return ""
    try:
        text = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        text = str(value)
    return " ".join(_replace_surrogates(text).split())


def _content(part: Message) -> str:
    """Return the text of one part with lines ended by ``\\n``; bytes that cannot be decoded are replaced."""
    content = _bytes(part).replace(b"\r\n", b"\n")
    try:
        return _replace_surrogates(content.decode(part.get_content_charset("utf-8"), errors="replace"))
    except (LookupError, ValueError):
        return content.decode("utf-8", errors="replace")


def _attachment(part: Message) -> Attachment:
    return Attachment(_replace_surrogates(part.get_filename() or ""), part.get_content_type(), len(_bytes(part)))


def _bytes(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which neither a page nor the store can encode."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
