"""The encoding of a report and its changes in their sealed columns: compressed JSON of their structs.

Compressed, a report takes about a tenth of its JSON, because names repeat in every row. A document that this version
cannot decode, or that cannot be decrypted, is a ``StaleDocument``: it can be created again from the raw report.
"""

import base64
import zlib
from typing import Final, TypeVar

import msgspec

from compliance.vault import SealError
from compliance.vault.secret import Secret
from credit.diffing import Change
from credit.report import CreditReport

Document = TypeVar("Document")

# Raw reports are kept for years and written once a month; documents are also rewritten by every rebuild.
RAW_LEVEL: Final = 9
DOCUMENT_LEVEL: Final = 6

_REPORT = msgspec.json.Decoder(CreditReport)
_CHANGES = msgspec.json.Decoder(tuple[Change, ...])


class StaleDocument(Exception):
    """A document cannot be decrypted, or not decoded by this version. The error has none of its content."""


def pack(body: bytes, *, level: int = RAW_LEVEL) -> str:
    """Compress bytes to text."""
    return base64.b64encode(zlib.compress(body, level)).decode()


def unpack(text: str) -> bytes:
    """Decompress the result of ``pack``. Raises ``ValueError`` for anything else."""
    try:
        return zlib.decompress(base64.b64decode(text))
    except zlib.error:
        raise ValueError("Not a packed text.") from None


def encode_report(report: CreditReport) -> str:
    """Encode a report as text to seal."""
    return pack(msgspec.json.encode(report), level=DOCUMENT_LEVEL)


def decode_report(document: Secret) -> CreditReport:
    """Decode a report. Raises ``StaleDocument``."""
    return _decode(_REPORT, document)


def encode_changes(changes: tuple[Change, ...]) -> str:
    """Encode the changes of a report as text to seal."""
    return pack(msgspec.json.encode(changes), level=DOCUMENT_LEVEL)


def decode_changes(document: Secret) -> tuple[Change, ...]:
    """Decode the changes of a report. Raises ``StaleDocument``."""
    return _decode(_CHANGES, document)


def _decode(decoder: "msgspec.json.Decoder[Document]", document: Secret) -> Document:
    # Raised outside the handler, because a decoding error as context would keep a part of the document.
    try:
        return decoder.decode(unpack(document.reveal()))
    except (SealError, msgspec.MsgspecError, ValueError):
        pass
    raise StaleDocument
