"""A stored answer as the parser of this version reads it. Nothing is stored here."""

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from compliance.vault import SealError
from credit.experian.normalize import PARSER_VERSION, normalize
from credit.models import RawReport
from credit.models import Report as StoredReport
from credit.provider import MalformedReport
from credit.report import Report
from credit.stored import reports


@sensitive_variables()
def parse(raw: RawReport) -> Report:
    """Read an answer as of the day on which it came. Raises ``MalformedReport``, also where it cannot be opened."""
    try:
        body = reports.unpacked(raw)
    except SealError:
        raise MalformedReport("SEALED_VALUE_UNREADABLE", reference_id=raw.reference_id) from None
    return normalize(body, asof=raw.fetched_at.date(), models=settings.CREDIT_MODEL_MAP)


@sensitive_variables()
def as_read_today(stored: StoredReport) -> Report:
    """A stored report as this parser reads its answer, so that two reports differ only where the file changed.

    One whose answer is gone, or cannot be read any more, is taken as it stands.
    """
    if stored.parser_version == PARSER_VERSION or stored.raw is None:
        return reports.report_of(stored)
    try:
        return parse(stored.raw)
    except MalformedReport:
        return reports.report_of(stored)
