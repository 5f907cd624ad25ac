"""What changed with a report: compared with the one before it, written down once, and told to its person once."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from django.conf import settings
from django.urls import reverse

from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import Kind
from credit import models
from credit.changes.descriptions import tell
from credit.diffing import Change, NotComparable, Severity, Subject, Thresholds, diff
from credit.report import Report, ReportStatus
from credit.stored.parsing import as_read_today
from credit.stored.reports import WITHHELD, whole

# What a frozen file or one without a hit says of accounts is nothing, so the last one that showed them counts too.
SILENT = (ReportStatus.FROZEN, ReportStatus.NO_HIT)
KINDS: Mapping[Subject, Kind] = MappingProxyType(
    dict.fromkeys(Subject, Kind.CREDIT_ACCOUNT)
    | dict.fromkeys((Subject.SCORE_CHANGED, Subject.SCORE_APPEARED, Subject.SCORE_VANISHED), Kind.CREDIT_SCORE)
    | dict.fromkeys((Subject.INQUIRY_ADDED, Subject.INQUIRY_APPEARED), Kind.CREDIT_INQUIRY)
    | dict.fromkeys((Subject.UTILIZATION_UP, Subject.UTILIZATION_DOWN), Kind.CREDIT_UTILIZATION)
    | dict.fromkeys(
        (Subject.LATE_PAYMENT, Subject.LATE_WORSENED, Subject.LATE_REMOVED, Subject.PAST_DUE), Kind.CREDIT_PAYMENT
    )
    | dict.fromkeys(
        (Subject.PUBLIC_RECORD_ADDED, Subject.PUBLIC_RECORD_CHANGED, Subject.COLLECTION_ADDED), Kind.CREDIT_RECORD
    )
    | dict.fromkeys((Subject.PERSONAL_ADDED, Subject.FLAG_ADDED, Subject.FLAG_CLEARED), Kind.CREDIT_IDENTITY)
)


def compare(*, stored: models.Report, report: Report, quietly: bool) -> list[Change]:
    """Write down what changed since the reports before this one, in the open transaction; returns what is new.

    ``quietly`` sends no alerts: for what is read again, or not shown. Comparing again finds nothing new.
    """
    try:
        found = changes_since(_before(stored), report)
    except NotComparable:
        models.Report.objects.filter(pk=stored.pk).update(comparable=False)
        return []
    names = {change.fingerprint(str(stored.owner_id), report.sha256): change for change in found}
    known = models.Change.objects.for_user(stored.owner_id).filter(fingerprint__in=names)
    known_names = set(known.values_list("fingerprint", flat=True))
    fresh = {name: change for name, change in names.items() if name not in known_names}
    models.Change.objects.bulk_create(_rows(stored, fresh, after=len(known_names)))
    if not quietly:
        tell_person(stored, fresh)
    return list(fresh.values())


def changes_since(earlier: Sequence[Report], report: Report) -> list[Change]:
    """Compare with each of the earlier reports. Raises ``NotComparable`` when one is about somebody else."""
    thresholds = Thresholds(own_codes=frozenset({settings.EXPERIAN_SUBSCRIBER_CODE} - {""}))
    return list(dict.fromkeys(change for each in earlier for change in diff(each, report, thresholds=thresholds)))


def _before(stored: models.Report) -> list[Report]:
    """The report before this one and, if that one shows no accounts, the last that did.

    One that may be somebody else's is passed over: what it says must not come out in a comparison.
    """
    earlier = (
        whole(stored.owner_id)
        .filter(provider=stored.provider, is_sample=stored.is_sample, pulled_at__lt=stored.pulled_at)
        .exclude(WITHHELD)
        .order_by("-pulled_at", "-id")
    )
    last = earlier.first()
    if last is None:
        return []
    spoke = earlier.exclude(state__in=SILENT).first() if last.state in SILENT else None
    return [as_read_today(each) for each in (last, spoke) if each is not None]


def _rows(stored: models.Report, changes: Mapping[str, Change], *, after: int) -> Iterable[models.Change]:
    for position, (fingerprint, change) in enumerate(changes.items(), start=after):
        yield models.Change(
            owner_id=stored.owner_id, report=stored, position=position, fingerprint=fingerprint, **change._asdict()
        )


def tell_person(stored: models.Report, changes: Mapping[str, Change]) -> None:
    """Tell a person of the changes that are worth more than a line on a page."""
    for fingerprint, change in changes.items():
        if change.severity is not Severity.INFO:
            told = tell(change)
            notify(
                person_id=stored.owner_id,
                kind=KINDS[change.subject],
                title=told.title,
                text=told.text,
                url=reverse("credit_changes"),
                fingerprint=fingerprint,
            )
