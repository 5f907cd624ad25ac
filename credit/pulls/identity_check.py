"""Knowledge-based verification for a report that does not match its user's details.

The bureau says that the address or some digits of the Social Security number differ. The reason may be a move, a
mistake at the bureau, or another person's file. Nothing of the report is shown until the user has entered the ZIP code
of an address and the months in which accounts were opened, as the file has them. The site does not say which part of an
answer was wrong. After ``MAX_ATTEMPTS`` wrong answers the report stays withheld.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.isolation.tenant import tenant_context
from credit import models
from credit.enrollment.details import get_details
from credit.enrollment.lifecycle import lock_user_and_enrollment
from credit.models import Enrollment, RawReport
from credit.pulls import processing
from credit.report import AccountKind, CreditReport, Detail, Precision, ReportStatus, Role, Tradeline
from credit.statuses import EnrollmentStatus
from credit.stored import reports
from credit.stored.parsing import UnreadableReport
from credit.stored.reports import WITHHELD

MAX_ATTEMPTS = 3
# The months of this many accounts are required, or of all if there are fewer. One month alone is easily guessed.
REQUIRED_ACCOUNTS = 2
# The parser writes an address as "101 MAPLE ST, MICHIGAN CITY IN 463601234".
ZIP_OF_ADDRESS = re.compile(r",.*\b([0-9]{5})(?:-?[0-9]{4})?$")


@dataclass(frozen=True, slots=True)
class IdentityAnswer:
    """The user's answer: a five-digit ZIP code, and the first days of the months in which accounts were opened."""

    zip_code: str = field(repr=False)
    opened: frozenset[date] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExpectedAnswers:
    """The right answers: any of the ZIP codes, and months that are all among these."""

    zip_codes: frozenset[str] = field(repr=False)
    opened: frozenset[date] = field(repr=False)

    @property
    def is_answerable(self) -> bool:
        """Whether the file has enough data for a question."""
        return bool(self.zip_codes and self.opened)

    def matches(self, answer: IdentityAnswer) -> bool:
        """Whether an answer is right in every part."""
        enough = len(answer.opened) >= min(REQUIRED_ACCOUNTS, len(self.opened))
        return answer.zip_code in self.zip_codes and enough and answer.opened <= self.opened


@dataclass(frozen=True, slots=True)
class IdentityQuestion:
    """A report waits for confirmation. With no attempts left it stays withheld."""

    attempts_left: int


def get_question(*, owner: UUID) -> IdentityQuestion | None:
    """Return the user's open question; ``None`` if no report waits for an answer."""
    with tenant(owner):
        enrollment = Enrollment.objects.for_user(owner).first()
        raw = _find_withheld(enrollment) if enrollment is not None else None
        return None if raw is None else IdentityQuestion(_attempts_left(raw, _load_expected_answers(raw)))


@sensitive_variables()
def check_answer(*, user: User, answer: IdentityAnswer) -> bool:
    """Check an answer and return whether it is right. If so, the report is shown from now on.

    A wrong answer is counted and recorded even if the caller fails later, so no transaction may be open. Simultaneous
    answers are checked one after the other. Raises ``NotEnrolled``.
    """
    with tenant_context(user.pk), transaction.atomic(durable=True):
        enrollment = lock_user_and_enrollment(user.pk)
        raw = _find_withheld(enrollment)
        if raw is None:
            return False
        expected = _load_expected_answers(raw)
        if not _attempts_left(raw, expected):
            return False
        is_right = expected.matches(answer)
        if is_right:
            _confirm_report(enrollment, raw)
        else:
            raw.wrong_answers += 1
            raw.save(update_fields=["wrong_answers"])
        record(
            Action.CREDIT_CONFIRMED,
            actor=user,
            subject=user,
            resource="credit_report",
            resource_id=str(raw.pk),
            outcome="ok" if is_right else "refused",
            wrong_answers=raw.wrong_answers,
        )
        return is_right


def _confirm_report(enrollment: Enrollment, raw: RawReport) -> None:
    """Confirm a report, and schedule the next pull."""
    raw.confirmed_at = timezone.now()
    raw.save(update_fields=["confirmed_at"])
    processing.update_enrollment(enrollment, raw, ReportStatus.READY)


def _find_withheld(enrollment: Enrollment) -> RawReport | None:
    """Return the raw report of the newest report, if it is withheld and nothing has changed since."""
    if enrollment.status != EnrollmentStatus.MISMATCH or enrollment.withdrawn_at is not None:
        return None
    raw_reports = RawReport.objects.for_user(enrollment.owner_id).defer("body").order_by("-fetched_at", "-id")
    newest = raw_reports.first()
    is_withheld = newest is not None and models.Report.objects.filter(WITHHELD, pk=newest.pk).exists()
    return newest if is_withheld else None


def _attempts_left(raw: RawReport, expected: ExpectedAnswers) -> int:
    return max(0, MAX_ATTEMPTS - raw.wrong_answers) if expected.is_answerable else 0


@sensitive_variables()
def _load_expected_answers(raw: RawReport) -> ExpectedAnswers:
    details = get_details(owner=raw.owner_id)
    try:
        stored = reports.get_report(owner=raw.owner_id, report_id=raw.pk)
    except UnreadableReport:
        return ExpectedAnswers(frozenset(), frozenset())
    return expected_answers(stored.report, own_zip=details.zip_code[:5] if details else "")


@sensitive_variables()
def expected_answers(report: CreditReport, *, own_zip: str) -> ExpectedAnswers:
    """Return the right answers for a report.

    The ZIP code that the user entered counts only if the file has no other. Accounts that the user did not open
    themselves do not count: those of authorized users, and debts that were sold.
    """
    addresses = (detail.text for detail in report.personal if detail.kind is Detail.ADDRESS)
    zip_codes = frozenset(match[1] for match in map(ZIP_OF_ADDRESS.search, addresses) if match)
    months = (_opening_month(account) for account in report.tradelines)
    return ExpectedAnswers(zip_codes - {own_zip} or zip_codes, frozenset(month for month in months if month))


def _opening_month(account: Tradeline) -> date | None:
    """Return the first day of the month in which the user opened an account, if the file has it."""
    is_own = account.kind is not AccountKind.COLLECTION and account.role is not Role.AUTHORIZED_USER
    is_known = account.opened is not None and account.opened.precision is not Precision.YEAR
    return account.opened.first.replace(day=1) if account.opened and is_own and is_known else None
