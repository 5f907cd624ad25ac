"""Credit reports: each call of the bureau, the raw report that it returned, and the report parsed from it.

The raw report is sealed in its own table, which only its own page reads. A ``Report`` has everything parsed from one as
a sealed document, and beside it the columns that are queried, which contain nothing about accounts or addresses.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.isolation.models import Owned
from compliance.vault.fields import SealedTextField
from credit.report import ReportStatus
from credit.statuses import NEEDS_DETAILS, EnrollmentStatus


class Enrollment(Owned):
    """A user who wants to see their credit file, and when the next pull is due. One row per user.

    ``identity`` has the details for the bureau, with only the last four digits of the Social Security number. The full
    number is in ``ssn``, if the user chose to save it, until they withdraw or do not sign in for some time.
    """

    identity = SealedTextField(null=True)
    ssn = SealedTextField(null=True)
    consent_id = models.UUIDField(null=True)
    status = models.CharField(
        max_length=20, choices=[(s, s) for s in EnrollmentStatus], default=EnrollmentStatus.NOT_PULLED
    )
    status_changed_at = models.DateTimeField(default=timezone.now)
    rejected_field = models.CharField(max_length=20, blank=True)
    # The day of the month on which the report is due, and the oldest such day without a report. ``next_pull_at`` may be
    # later, as after a failure, and does not say which month is missing.
    pull_day = models.PositiveSmallIntegerField()
    due_on = models.DateField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    # No pull before this, neither by the user nor on a schedule.
    eligible_at = models.DateTimeField(null=True)
    # When Celery beat pulls. Null if no pull is made until the user acts.
    next_pull_at = models.DateTimeField(null=True)
    # Failed pulls since the last report, and how many of them have an unknown outcome.
    failures = models.PositiveSmallIntegerField(default=0)
    unknown_outcomes = models.PositiveSmallIntegerField(default=0)
    # Whether details were changed after a report that did not match. That allows only one more pull.
    details_corrected = models.BooleanField(default=False)
    enrolled_at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner"], name="one_enrollment_per_person"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(identity__isnull=True, ssn__isnull=True, next_pull_at=None),
                name="withdrawn_stores_no_details",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=sorted(status.value for status in NEEDS_DETAILS)) | Q(next_pull_at=None),
                name="no_pull_before_new_details",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[EnrollmentStatus.READY.value, EnrollmentStatus.MISMATCH.value])
                | ~Q(succeeded_at=None),
                name="report_has_its_date",
            ),
            models.CheckConstraint(
                condition=Q(rejected_field="") | Q(status=EnrollmentStatus.DETAILS_REFUSED.value),
                name="refused_field_with_refused_details",
            ),
            models.CheckConstraint(
                condition=Q(unknown_outcomes__lte=F("failures")), name="unknown_outcomes_are_failures"
            ),
            models.CheckConstraint(condition=Q(pull_day__range=(1, 31)), name="pull_day_of_a_month"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_pull_at"], condition=Q(next_pull_at__isnull=False), name="pulls_due"),
        ]


class Trigger(models.TextChoices):
    """Who or what started a pull."""

    USER = "user"
    SCHEDULED = "scheduled"
    DEMO = "demo"


class AttemptStatus(models.TextChoices):
    """The outcome of one call of the bureau."""

    PENDING = "pending"
    MADE = "made"
    NOT_MADE = "not_made"
    UNKNOWN = "unknown"


class PullAttempt(Owned):
    """One call of the bureau, stored before it is made: its parameters, its consent and its outcome.

    It has no data of the response. A user has at most one pending attempt.
    """

    status = models.CharField(max_length=10, choices=AttemptStatus, default=AttemptStatus.PENDING)
    trigger = models.CharField(max_length=10, choices=Trigger)
    # The due day that this call is for, whenever it is made. Null until the first report.
    due_on = models.DateField(null=True)
    reference_id = models.CharField(max_length=32)
    consent_id = models.UUIDField()
    consent_version = models.CharField(max_length=40)
    purpose = models.CharField(max_length=10)
    inquiry_class = models.CharField(max_length=10)
    provider = models.CharField(max_length=20)
    environment = models.CharField(max_length=20)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=40, blank=True)
    code = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner"], condition=Q(status="pending"), name="one_pending_attempt"),
            models.UniqueConstraint(fields=["reference_id"], name="one_reference_per_attempt"),
            models.CheckConstraint(
                condition=Q(status=AttemptStatus.PENDING, finished_at=None)
                | (~Q(status=AttemptStatus.PENDING) & ~Q(finished_at=None)),
                name="finished_unless_pending",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["owner", "-started_at"], name="attempts_newest_first")]


class RawReport(Owned):
    """A bureau's response exactly as it came, compressed and sealed, and how it was requested."""

    attempt = models.OneToOneField(PullAttempt, on_delete=models.PROTECT, related_name="raw")
    body = SealedTextField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    content_type = models.CharField(blank=True)
    http_status = models.PositiveSmallIntegerField()
    reference_id = models.CharField(max_length=32)
    fetched_at = models.DateTimeField()
    provider = models.CharField(max_length=20)
    endpoint = models.CharField()
    inquiry_class = models.CharField(max_length=10)
    purpose = models.CharField(max_length=10)
    is_sample = models.BooleanField()
    # The newest version of the parser that failed on it.
    failed_parser_version = models.PositiveSmallIntegerField(null=True)
    # When the user passed the identity check of a report that did not match. Stored here to outlive a rebuild.
    confirmed_at = models.DateTimeField(null=True)
    wrong_answers = models.PositiveSmallIntegerField(default=0)


class Report(Owned):
    """A parsed report: one sealed document, and beside it the few columns that are queried.

    ``document`` has a ``credit.report.CreditReport`` and ``changes`` the changes since the previous report, both as
    ``credit.stored.documents`` encodes them. The columns of the score have the first score, which is the one that we
    request. ``consumer_hash`` distinguishes credit files.
    """

    raw = models.OneToOneField(RawReport, on_delete=models.SET_NULL, null=True, related_name="report")
    provider = models.CharField(max_length=20)
    parser_version = models.PositiveSmallIntegerField()
    sha256 = models.CharField(max_length=64)
    reference_id = models.CharField(max_length=32)
    report_date = models.DateField(null=True)
    pulled_at = models.DateTimeField()
    is_sample = models.BooleanField()
    inquiry_class = models.CharField(max_length=10)
    state = models.CharField(max_length=20, choices=[(status, status) for status in ReportStatus])
    consumer_hash = models.CharField(max_length=64, blank=True)
    address_mismatch = models.BooleanField()
    ssn_variation = models.BooleanField()
    credit_score = models.PositiveSmallIntegerField(null=True)
    score_model = models.CharField(blank=True)
    score_indicator = models.CharField(blank=True)
    score_exclusion_code = models.CharField(blank=True)
    score_percentile = models.PositiveIntegerField(null=True)
    document = SealedTextField()
    changes = SealedTextField(null=True)
    # When its user passed the identity check, if its raw report is deleted; see ``RawReport.confirmed_at``.
    confirmed_at = models.DateTimeField(null=True)
    # The bureau says that it is about another person than the previous report.
    comparable = models.BooleanField(default=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "-pulled_at"], name="reports_newest_first")]
