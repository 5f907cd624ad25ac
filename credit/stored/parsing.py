"""Read stored reports from their document or, if that is stale, from the raw report. This module stores nothing."""

from django.views.decorators.debug import sensitive_variables

from compliance.vault import SealError
from credit import models
from credit.bureaus import find_bureau, is_current_parser
from credit.provider import MalformedReport
from credit.report import CreditReport
from credit.stored.documents import StaleDocument, decode_changes, decode_report, unpack


class UnreadableReport(Exception):
    """Neither the document of a report nor its raw report can be read. The error has none of their content."""


def unpack_raw_report(raw: models.RawReport) -> bytes:
    """Decrypt and decompress a raw report. Raises ``SealError`` and ``ValueError``."""
    return unpack(raw.body.reveal())


@sensitive_variables()
def parse_raw_report(raw: models.RawReport) -> CreditReport:
    """Parse a raw report as of the day it was fetched. Raises ``MalformedReport``, also if it cannot be decrypted."""
    try:
        body = unpack_raw_report(raw)
    except (SealError, ValueError):
        raise MalformedReport("SEALED_VALUE_UNREADABLE", reference_id=raw.reference_id) from None
    bureau = find_bureau(raw.provider)
    if bureau is None:
        raise MalformedReport("UNKNOWN_BUREAU", reference_id=raw.reference_id)
    return bureau.normalize(body, asof=raw.fetched_at.date())


@sensitive_variables()
def read_report(stored: models.Report) -> CreditReport:
    """Read a stored report. If its document is stale, its raw report is parsed instead, which takes one more query.

    Raises ``UnreadableReport``.
    """
    try:
        return decode_report(stored.document)
    except StaleDocument:
        return _parse_again(stored)


def is_stale(stored: models.Report) -> bool:
    """Whether a report was parsed by another parser version, or this version cannot decode its stored document."""
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
    """Read a stored report as the current parser parses it, so that two reports differ only where the file changed.

    If its raw report is missing or cannot be parsed any more, it is read as it is stored. Raises ``UnreadableReport``.
    """
    if is_current_parser(stored.provider, stored.parser_version):
        return read_report(stored)
    try:
        return _parse_again(stored)
    except UnreadableReport:
        return read_report(stored)


def _parse_again(stored: models.Report) -> CreditReport:
    if stored.raw is None:
        raise UnreadableReport
    try:
        return parse_raw_report(stored.raw)
    except MalformedReport:
        raise UnreadableReport from None
