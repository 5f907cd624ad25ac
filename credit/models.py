"""Credit reports: what was asked of the bureau, what it answered, and the rows that were read from the answer.

The raw answer lies sealed in a table of its own, which no page reads. Rows stand as ``credit.report`` names them;
every one leads to its ``Report``, which says from which raw answer and by which version of the parser it was read.
Amounts are whole US dollars, and null where the bureau does not say. What tells who a person is, is sealed.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.isolation.models import Owned
from compliance.vault.fields import SealedTextField
from credit import report as rows
from credit.diffing import Severity, Subject
from credit.fields import DayField
from credit.payment_history import DatedBy
from credit.statuses import NEEDS_DETAILS, EnrollmentStatus


class Enrollment(Owned):
    """Whose file a person wants to see, and when it is asked for next. One row for each person.

    ``identity`` is the person as the bureau knows them, without a Social Security number but for its last four. The
    whole number is in ``ssn``, if the person wants it kept, and is gone when they withdraw or stay away.
    """

    identity = SealedTextField(null=True)
    ssn = SealedTextField(null=True)
    consent_id = models.UUIDField(null=True)
    state = models.CharField(
        max_length=20, choices=[(s, s) for s in EnrollmentStatus], default=EnrollmentStatus.NOT_PULLED
    )
    state_at = models.DateTimeField(default=timezone.now)
    field = models.CharField(max_length=20, blank=True)
    # The day of the month on which the person's report is due, and the oldest such day that no report was made for.
    # ``next_pull_at`` may be later, as after a failure, and is no word about which month is missing.
    pull_day = models.PositiveSmallIntegerField()
    due_on = models.DateField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    # Nobody may ask before this: neither a person nor the clock.
    eligible_at = models.DateTimeField(null=True)
    # The clock asks then. Null where only the person can change anything.
    next_pull_at = models.DateTimeField(null=True)
    # Since anything else came: pulls that failed, and those of them whose outcome is unknown.
    failures = models.PositiveSmallIntegerField(default=0)
    unknowns = models.PositiveSmallIntegerField(default=0)
    # Whether other details were given after a report that did not fit: that allows one more, and no third.
    corrected = models.BooleanField(default=False)
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
                condition=~Q(state__in=sorted(status.value for status in NEEDS_DETAILS)) | Q(next_pull_at=None),
                name="no_pull_before_new_details",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[EnrollmentStatus.READY.value, EnrollmentStatus.MISMATCH.value])
                | ~Q(succeeded_at=None),
                name="report_has_its_date",
            ),
            models.CheckConstraint(
                condition=Q(field="") | Q(state=EnrollmentStatus.INPUT.value), name="refused_field_with_refused_details"
            ),
            models.CheckConstraint(condition=Q(unknowns__lte=F("failures")), name="unknown_outcomes_are_failures"),
            models.CheckConstraint(condition=Q(pull_day__range=(1, 31)), name="pull_day_of_a_month"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_pull_at"], condition=Q(next_pull_at__isnull=False), name="pulls_due"),
        ]


class Trigger(models.TextChoices):
    """Who or what asked for a report."""

    PERSON = "person"
    CLOCK = "clock"
    DEMO = "demo"


class AttemptStatus(models.TextChoices):
    """What became of one call of the bureau."""

    PENDING = "pending"
    MADE = "made"
    NOT_MADE = "not_made"
    UNKNOWN = "unknown"


class PullAttempt(Owned):
    """One call of the bureau, written down before it is made: what was asked, on whose word, and what came of it.

    It holds nothing of the answer. Two cannot be pending at once, whoever asks.
    """

    state = models.CharField(max_length=10, choices=AttemptStatus, default=AttemptStatus.PENDING)
    trigger = models.CharField(max_length=10, choices=Trigger)
    # The person's own day that this call is for, whenever it is made. Null until their first report.
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
            models.UniqueConstraint(fields=["owner"], condition=Q(state="pending"), name="one_pull_under_way"),
            models.UniqueConstraint(fields=["reference_id"], name="one_reference_per_attempt"),
            models.CheckConstraint(
                condition=Q(state=AttemptStatus.PENDING, finished_at=None)
                | (~Q(state=AttemptStatus.PENDING) & ~Q(finished_at=None)),
                name="finished_unless_pending",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["owner", "-started_at"], name="attempts_newest_first")]


class RawReport(Owned):
    """A bureau's answer exactly as it came, packed and sealed, and how it was asked for."""

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
    # The newest version of the parser that could not read it.
    unread_by = models.PositiveSmallIntegerField(null=True)
    # When its person proved to know the file, where it did not fit their details; here, to outlive a rebuild.
    confirmed_at = models.DateTimeField(null=True)
    wrong_answers = models.PositiveSmallIntegerField(default=0)


class Report(Owned):
    """A report as it was read. ``credit_score`` is the value of the first score, which is the one that we ask for."""

    raw = models.OneToOneField(RawReport, on_delete=models.SET_NULL, null=True, related_name="report")
    provider = models.CharField(max_length=20)
    parser_version = models.PositiveSmallIntegerField()
    sha256 = models.CharField(max_length=64)
    reference_id = models.CharField(max_length=32)
    report_date = models.DateField(null=True)
    pulled_at = models.DateTimeField()
    is_sample = models.BooleanField()
    inquiry_class = models.CharField(max_length=10)
    state = models.CharField(max_length=20, choices=[(s, s) for s in rows.ReportStatus])
    credit_score = models.PositiveSmallIntegerField(null=True)
    subject = models.CharField(max_length=64, blank=True)
    consumer_identifier = SealedTextField()
    frozen = models.BooleanField()
    fraud_alert = models.BooleanField()
    active_duty = models.BooleanField()
    deceased = models.BooleanField()
    ssn_variation = models.BooleanField()
    address_mismatch = models.BooleanField()
    no_hit = models.BooleanField()
    messages = SealedTextField()
    totals = models.JSONField()
    warnings = models.JSONField()
    # The bureau says that it is about somebody else than the report before it.
    comparable = models.BooleanField(default=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "-pulled_at"], name="reports_newest_first")]


class Row(Owned):
    """A row of a report, in its place among its kind. ``path`` is where it stands in the raw answer."""

    # No index of its own: the unique one below begins with it.
    report = models.ForeignKey(Report, on_delete=models.CASCADE, db_index=False)
    position = models.PositiveSmallIntegerField()
    path = models.CharField()

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "position"], name="one_%(class)s_in_each_place")
        ]


class Score(Row):
    """A model's score; ``factors`` are pairs of rank and code."""

    model = models.CharField(blank=True)
    indicator = models.CharField(blank=True)
    value = models.PositiveSmallIntegerField(null=True)
    exclusion_code = models.CharField(blank=True)
    on = models.DateField(null=True)
    percentile = models.PositiveIntegerField(null=True)
    factors = models.JSONField()


class Tradeline(Row):
    """An account. The payment history is its newest month, the bureau's marks, and what each mark amounts to."""

    key = models.CharField(max_length=80)
    creditor = models.CharField(blank=True)
    subscriber_code = models.CharField(blank=True)
    kind = models.CharField(max_length=20, choices=[(k, k) for k in rows.Kind])
    revolving = models.BooleanField(null=True)
    is_open = models.BooleanField(null=True)
    role = models.CharField(max_length=20, choices=[(r, r) for r in rows.Role])
    opened = DayField()
    status_on = DayField()
    balance = models.BigIntegerField(null=True)
    balance_on = DayField()
    limit = models.BigIntegerField(null=True)
    high = models.BigIntegerField(null=True)
    original = models.BigIntegerField(null=True)
    past_due = models.BigIntegerField(null=True)
    monthly_payment = models.BigIntegerField(null=True)
    payment_type = models.CharField(blank=True)
    last_payment = DayField()
    condition = models.CharField(blank=True)
    condition_code = models.CharField(blank=True)
    standing = models.CharField(blank=True)
    standing_code = models.CharField(blank=True)
    derogatory = models.BooleanField()
    disputed = models.BooleanField()
    remark_code = models.CharField(blank=True)
    comment = models.CharField(blank=True)
    days_30 = models.PositiveIntegerField()
    days_60 = models.PositiveIntegerField()
    days_90 = models.PositiveIntegerField()
    times_derogatory = models.PositiveIntegerField()
    months_counted = models.PositiveIntegerField()
    last_four = models.CharField(blank=True)
    original_creditor = models.CharField(blank=True)
    sold_to = models.CharField(blank=True)
    bankruptcy = models.CharField(blank=True)
    last_delinquency = DayField()
    history_latest = models.DateField(null=True)
    history_codes = models.CharField(blank=True)
    history_buckets = models.CharField(blank=True)
    history_dated_by = models.CharField(max_length=20, choices=[(d, d) for d in DatedBy], default=DatedBy.BALANCE)
    trend = models.JSONField()
    product = models.CharField(blank=True)
    terms = models.CharField(blank=True)
    second_delinquency = DayField()
    worst_delinquency = DayField()
    worst = models.CharField(blank=True)
    worst_code = models.CharField(blank=True)
    compliance = models.CharField(blank=True)
    compliance_code = models.CharField(blank=True)
    bankruptcy_stage = models.CharField(blank=True)


class Inquiry(Row):
    """Somebody who asked for the file."""

    on = DayField()
    subscriber = models.CharField(blank=True)
    subscriber_code = models.CharField(blank=True)
    business = models.CharField(blank=True)
    type = models.CharField(blank=True)
    amount = models.BigIntegerField(null=True)


class PublicRecord(Row):
    """A court's record."""

    key = models.CharField(max_length=80)
    court = models.CharField(blank=True)
    court_code = models.CharField(blank=True)
    reference = models.CharField(blank=True)
    status_code = models.CharField(blank=True)
    status_on = DayField()
    filed_on = DayField()
    amount = models.BigIntegerField(null=True)
    evaluation = models.CharField(blank=True)
    disputed = models.BooleanField()
    plaintiff = models.CharField(blank=True)
    bankruptcy = models.BooleanField()
    percent = models.PositiveIntegerField(null=True)
    adjustment_percent = models.PositiveIntegerField(null=True)
    assets = models.BigIntegerField(null=True)
    voluntary = models.BooleanField(null=True)
    role = models.CharField(max_length=20, choices=[(r, r) for r in rows.Role], default=rows.Role.UNKNOWN)
    comment = models.CharField(blank=True)


class PersonalDetail(Row):
    """A name, an address or the like that the bureau keeps."""

    kind = models.CharField(max_length=20, choices=[(d, d) for d in rows.Detail])
    text = SealedTextField()
    first_reported = DayField()
    last_reported = DayField()


class Statement(Row):
    """A statement that stands in the file."""

    notice = models.CharField(max_length=20, choices=[(n, n) for n in rows.Notice])
    code = models.CharField(blank=True)
    on = DayField()
    text = SealedTextField()


class Change(Owned):
    """What changed from an earlier report to this one. A change is written down once, whoever compares again."""

    # No index of its own: the unique one below begins with it.
    report = models.ForeignKey(Report, on_delete=models.CASCADE, db_index=False)
    position = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=64)
    subject = models.CharField(max_length=30, choices=[(s, s) for s in Subject])
    entity = models.CharField()
    severity = models.CharField(max_length=10, choices=[(s, s) for s in Severity])
    name = models.CharField(blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    detail = models.CharField(blank=True)
    key = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "position"], name="one_change_in_each_place"),
            models.UniqueConstraint(fields=["owner", "fingerprint"], name="one_row_per_change"),
        ]
