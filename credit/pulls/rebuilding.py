"""Parse raw reports again, as after a change of the parser. The bureau is not called, and no user is notified."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import dropwhile
from uuid import UUID

from django.db import DataError, transaction
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from compliance.audit import Action, record
from compliance.isolation.tenant import tenant_context
from credit.changes.record import record_changes
from credit.enrollment.lifecycle import lock_user_and_enrollment
from credit.models import RawReport, Report
from credit.provider import MalformedReport
from credit.pulls import processing
from credit.statuses import EnrollmentStatus
from credit.stored import reports
from credit.stored.parsing import is_stale, parse_raw_report

logger = logging.getLogger(__name__)

OPS = "ops"


@dataclass
class RebuildResult:
    """How many raw reports of one user were parsed again, and how many could not be."""

    read: int = 0
    unreadable: int = 0


def list_owners(*, after: UUID | None = None) -> Iterator[UUID]:
    """Return every user with a raw report, in the order of their ids, so that a later run can continue."""
    rows = RawReport.objects.using(OPS).order_by("owner_id").distinct()
    return rows.filter(Q() if after is None else Q(owner_id__gt=after)).values_list("owner_id", flat=True).iterator()


def rebuild(*, owner_id: UUID, everything: bool) -> RebuildResult:
    """Parse one user's raw reports again, oldest first: all of them, or all from the first outdated one on.

    Those after an outdated one too, because their changes depend on it. Each has its own transaction. A killed run can
    be repeated.
    """
    result = RebuildResult()
    with tenant_context(owner_id), transaction.atomic(durable=True):
        rows = RawReport.objects.for_user(owner_id).order_by("fetched_at", "id")
        raw_reports = list(rows.defer("body").select_related("report"))
        raw_ids = [raw.pk for raw in raw_reports] if everything else list(_from_first_stale(raw_reports))
    for raw_id in raw_ids:
        try:
            rebuild_report(owner_id=owner_id, raw_id=raw_id)
            result.read += 1
        except (MalformedReport, DataError) as error:
            logger.error("Raw report %s cannot be parsed: %s", raw_id, type(error).__name__)
            result.unreadable += 1
    if raw_ids:
        with tenant_context(owner_id), transaction.atomic(durable=True):
            record(Action.CREDIT_REBUILD, subject=owner_id, read=result.read, unreadable=result.unreadable)
    return result


def _from_first_stale(raw_reports: Iterable[RawReport]) -> Iterator[UUID]:
    for raw in dropwhile(lambda raw: not _is_stale(raw), raw_reports):
        yield raw.pk


def _is_stale(raw: RawReport) -> bool:
    stored = getattr(raw, "report", None)
    return stored is None or stored.sha256 != raw.sha256 or is_stale(stored)


@sensitive_variables()
def rebuild_report(*, owner_id: UUID, raw_id: UUID) -> None:
    """Replace the report of one raw report. Raises ``MalformedReport``."""
    with tenant_context(owner_id), transaction.atomic(durable=True):
        enrollment = lock_user_and_enrollment(owner_id)
        raw = RawReport.objects.select_related("attempt").get(pk=raw_id)
        report = parse_raw_report(raw)
        Report.objects.filter(pk=raw_id).delete()
        stored = reports.store_report(raw=raw, report=report)
        status = processing.inherit_confirmation(enrollment, raw, stored)
        record_changes(stored=stored, report=report, quietly=True)
        is_newest = not RawReport.objects.filter(fetched_at__gt=raw.fetched_at).exists()
        if is_newest and enrollment.status == EnrollmentStatus.UNPARSED:
            processing.update_enrollment(enrollment, raw, status)
