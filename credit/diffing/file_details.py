"""Changes of the file except accounts: inquiries, public records, personal details, flags."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from credit.diffing.change import Change, ChangeType, Severity, Thresholds
from credit.report import CreditReport, Detail, Flags, Inquiry

# An inquiry dated this long before the last report was reported late and is not new.
POSTED_LATE = timedelta(days=30)
NOTIFIED_DETAILS = (Detail.NAME, Detail.ADDRESS, Detail.EMPLOYER)
SEVERE_FLAGS = frozenset({"deceased", "fraud_alert", "frozen"})
FLAGS = ("frozen", "fraud_alert", "active_duty", "deceased", "ssn_variation")

Mark = tuple[str, str, str, str]


def compare_inquiries(older: CreditReport, newer: CreditReport, thresholds: Thresholds) -> Iterator[Change]:
    """List inquiries that the older report lacks, or has fewer of. Our own inquiries are excluded."""
    added = Counter(map(_mark, newer.inquiries)) - Counter(map(_mark, older.inquiries))
    inquiries_by_mark = {_mark(inquiry): inquiry for inquiry in newer.inquiries}
    for mark, count in added.items():
        inquiry = inquiries_by_mark[mark]
        if inquiry.subscriber_code not in thresholds.own_codes:
            for number in range(1, count + 1):
                yield _inquiry(inquiry, f"inquiry:{':'.join(mark)}:{number}", older)


def _inquiry(inquiry: Inquiry, entity: str, older: CreditReport) -> Change:
    day, last = inquiry.on and inquiry.on.first, older.reported_on
    is_recent = day is not None and (last is None or day >= last - POSTED_LATE)
    change_type = ChangeType.INQUIRY_ADDED if is_recent else ChangeType.INQUIRY_APPEARED
    severity = Severity.NOTICE if is_recent else Severity.INFO
    return Change(change_type, entity, severity, inquiry.subscriber, after=str(day or ""))


def _mark(inquiry: Inquiry) -> Mark:
    """The values that are equal for the same inquiry."""
    name = "".join(letter for letter in inquiry.subscriber.upper() if letter.isalnum())
    return str(inquiry.on.first if inquiry.on else ""), inquiry.subscriber_code, name, inquiry.type


def compare_public_records(older: CreditReport, newer: CreditReport) -> Iterator[Change]:
    """List new records and records with another status."""
    before = {record.key: record for record in older.public_records}
    for record in newer.public_records:
        old, entity = before.get(record.key), f"record:{record.key}"
        if old is None:
            yield Change(ChangeType.PUBLIC_RECORD_ADDED, entity, Severity.HIGH, record.court, after=record.status_code)
        elif old.status_code != record.status_code:
            yield Change(
                ChangeType.PUBLIC_RECORD_CHANGED,
                entity,
                Severity.NOTICE,
                record.court,
                old.status_code,
                record.status_code,
            )


def compare_personal_details(older: CreditReport, newer: CreditReport) -> Iterator[Change]:
    """List names, addresses and employers that the older report does not have. Their text is only in the report."""
    known = {(detail.kind, detail.text.upper()) for detail in older.personal}
    for detail in newer.personal:
        mark = (detail.kind, detail.text.upper())
        if detail.kind in NOTIFIED_DETAILS and mark not in known:
            known.add(mark)
            entity = f"personal:{detail.kind}:{hashlib.sha256(detail.text.upper().encode()).hexdigest()[:32]}"
            yield Change(ChangeType.PERSONAL_ADDED, entity, Severity.NOTICE, detail.kind)


def compare_flags(older: CreditReport, newer: CreditReport) -> Iterator[Change]:
    """List flags of the file that were set or removed."""
    for name in FLAGS:
        was, now = _flag(older.flags, name), _flag(newer.flags, name)
        if was != now:
            change_type = ChangeType.FLAG_ADDED if now else ChangeType.FLAG_CLEARED
            severity = Severity.HIGH if now and name in SEVERE_FLAGS else Severity.NOTICE
            yield Change(change_type, f"flag:{name}", severity, name)


def _flag(flags: Flags, name: str) -> bool:
    return bool(getattr(flags, name))
