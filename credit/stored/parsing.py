"""Reading reports back: from their document or, where that is stale, from the raw answer. Nothing is stored here."""

from django.views.decorators.debug import sensitive_variables

from compliance.vault import SealError
from credit import models
from credit.bureaus import find_bureau, is_current_parser
from credit.provider import MalformedReport
from credit.report import CreditReport
from credit.stored.documents import StaleDocument, decode_changes, decode_report, unpack


class UnreadableReport(Exception):
    """Neither the document of a report nor the raw answer behind it can be read. Carries nothing of them."""


def unpack_answer(raw: models.RawReport) -> bytes:
    """Open and unpack a raw answer. Raises ``SealError`` and ``ValueError``."""
    return unpack(raw.body.reveal())


@sensitive_variables()
def parse_answer(raw: models.RawReport) -> CreditReport:
    """Read an answer as of the day on which it came. Raises ``MalformedReport``, also where it cannot be opened."""
    try:
        body = unpack_answer(raw)
    except (SealError, ValueError):
        raise MalformedReport("SEALED_VALUE_UNREADABLE", reference_id=raw.reference_id) from None
    bureau = find_bureau(raw.provider)
    if bureau is None:
        raise MalformedReport("UNKNOWN_BUREAU", reference_id=raw.reference_id)
    return bureau.normalize(body, asof=raw.fetched_at.date())


@sensitive_variables()
def read_report(stored: models.Report) -> CreditReport:
    """Read a stored report. Where its document is stale, its raw answer is parsed instead, in one more statement.

    Raises ``UnreadableReport``.
    """
    try:
        return decode_report(stored.document)
    except StaleDocument:
        return _parsed_anew(stored)


def is_stale(stored: models.Report) -> bool:
    """Whether a report was read by another parser, or this version cannot decode what is stored of it."""
    if not is_current_parser(stored.provider, stored.parser_version):
        return True
    try:
        decode_report(stored.document)
        if stored.changes is not None:
            decode_changes(stored.changes)
    except StaleDocument:
        return True
    return False


@sensitive_variables()
def read_by_current_parser(stored: models.Report) -> CreditReport:
    """Read a stored report as this version's parser reads its answer, so that two differ only where the file changed.

    One whose answer is gone, or cannot be read any more, is read as it is stored. Raises ``UnreadableReport``.
    """
    if is_current_parser(stored.provider, stored.parser_version):
        return read_report(stored)
    try:
        return _parsed_anew(stored)
    except UnreadableReport:
        return read_report(stored)


def _parsed_anew(stored: models.Report) -> CreditReport:
    if stored.raw is None:
        raise UnreadableReport
    try:
        return parse_answer(stored.raw)
    except MalformedReport:
        raise UnreadableReport from None
