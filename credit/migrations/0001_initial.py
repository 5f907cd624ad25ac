"""The tables of the credit report."""

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
import compliance.vault.fields
import credit.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Enrollment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("identity", compliance.vault.fields.SealedTextField(null=True)),
                ("ssn", compliance.vault.fields.SealedTextField(null=True)),
                ("consent_id", models.UUIDField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("off", "off"),
                            ("no_consent", "no_consent"),
                            ("consent_outdated", "consent_outdated"),
                            ("stale", "stale"),
                            ("not_pulled", "not_pulled"),
                            ("under_way", "under_way"),
                            ("ready", "ready"),
                            ("mismatch", "mismatch"),
                            ("no_hit", "no_hit"),
                            ("frozen", "frozen"),
                            ("restricted", "restricted"),
                            ("input", "input"),
                            ("retrying", "retrying"),
                            ("outcome_unknown", "outcome_unknown"),
                            ("unreadable", "unreadable"),
                            ("details_lost", "details_lost"),
                            ("unavailable", "unavailable"),
                        ],
                        default="not_pulled",
                        max_length=20,
                    ),
                ),
                ("state_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("field", models.CharField(blank=True, max_length=20)),
                ("pull_day", models.PositiveSmallIntegerField()),
                ("due_on", models.DateField(null=True)),
                ("succeeded_at", models.DateTimeField(null=True)),
                ("eligible_at", models.DateTimeField(null=True)),
                ("next_pull_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("unknowns", models.PositiveSmallIntegerField(default=0)),
                ("corrected", models.BooleanField(default=False)),
                ("enrolled_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("withdrawn_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_pull_at__isnull", False)), fields=["next_pull_at"], name="pulls_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("owner",), name="one_enrollment_per_person"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("withdrawn_at", None),
                            models.Q(("identity__isnull", True), ("next_pull_at", None), ("ssn__isnull", True)),
                            _connector="OR",
                        ),
                        name="withdrawn_stores_no_details",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["details_lost", "input", "no_hit"]), _negated=True),
                            ("next_pull_at", None),
                            _connector="OR",
                        ),
                        name="no_pull_before_new_details",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["ready", "mismatch"]), _negated=True),
                            models.Q(("succeeded_at", None), _negated=True),
                            _connector="OR",
                        ),
                        name="report_has_its_date",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("field", ""), ("state", "input"), _connector="OR"),
                        name="refused_field_with_refused_details",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("unknowns__lte", models.F("failures"))),
                        name="unknown_outcomes_are_failures",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pull_day__range", (1, 31))), name="pull_day_of_a_month"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PullAttempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("made", "Made"),
                            ("not_made", "Not Made"),
                            ("unknown", "Unknown"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                (
                    "trigger",
                    models.CharField(
                        choices=[("person", "Person"), ("clock", "Clock"), ("demo", "Demo")], max_length=10
                    ),
                ),
                ("due_on", models.DateField(null=True)),
                ("reference_id", models.CharField(max_length=32)),
                ("consent_id", models.UUIDField()),
                ("consent_version", models.CharField(max_length=40)),
                ("purpose", models.CharField(max_length=10)),
                ("inquiry_class", models.CharField(max_length=10)),
                ("provider", models.CharField(max_length=20)),
                ("environment", models.CharField(max_length=20)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=40)),
                ("code", models.CharField(blank=True, max_length=100)),
            ],
            options={
                "indexes": [models.Index(fields=["owner", "-started_at"], name="attempts_newest_first")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "pending")), fields=("owner",), name="one_pull_under_way"
                    ),
                    models.UniqueConstraint(fields=("reference_id",), name="one_reference_per_attempt"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at", None), ("state", "pending")),
                            models.Q(
                                models.Q(("state", "pending"), _negated=True),
                                models.Q(("finished_at", None), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="finished_unless_pending",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RawReport",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "attempt",
                    models.OneToOneField(on_delete=models.PROTECT, related_name="raw", to="credit.pullattempt"),
                ),
                ("body", compliance.vault.fields.SealedTextField()),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.PositiveIntegerField()),
                ("content_type", models.CharField(blank=True)),
                ("http_status", models.PositiveSmallIntegerField()),
                ("reference_id", models.CharField(max_length=32)),
                ("fetched_at", models.DateTimeField()),
                ("provider", models.CharField(max_length=20)),
                ("endpoint", models.CharField()),
                ("inquiry_class", models.CharField(max_length=10)),
                ("purpose", models.CharField(max_length=10)),
                ("is_sample", models.BooleanField()),
                ("unread_by", models.PositiveSmallIntegerField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("wrong_answers", models.PositiveSmallIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Report",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "raw",
                    models.OneToOneField(
                        null=True, on_delete=models.SET_NULL, related_name="report", to="credit.rawreport"
                    ),
                ),
                ("provider", models.CharField(max_length=20)),
                ("parser_version", models.PositiveSmallIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("reference_id", models.CharField(max_length=32)),
                ("report_date", models.DateField(null=True)),
                ("pulled_at", models.DateTimeField()),
                ("is_sample", models.BooleanField()),
                ("inquiry_class", models.CharField(max_length=10)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ready", "ready"),
                            ("no_hit", "no_hit"),
                            ("frozen", "frozen"),
                            ("restricted", "restricted"),
                            ("mismatch", "mismatch"),
                        ],
                        max_length=20,
                    ),
                ),
                ("credit_score", models.PositiveSmallIntegerField(null=True)),
                ("subject", models.CharField(blank=True, max_length=64)),
                ("consumer_identifier", compliance.vault.fields.SealedTextField()),
                ("frozen", models.BooleanField()),
                ("fraud_alert", models.BooleanField()),
                ("active_duty", models.BooleanField()),
                ("deceased", models.BooleanField()),
                ("ssn_variation", models.BooleanField()),
                ("address_mismatch", models.BooleanField()),
                ("no_hit", models.BooleanField()),
                ("messages", compliance.vault.fields.SealedTextField()),
                ("totals", models.JSONField()),
                ("warnings", models.JSONField()),
                ("comparable", models.BooleanField(default=True)),
            ],
            options={"indexes": [models.Index(fields=["owner", "-pulled_at"], name="reports_newest_first")]},
        ),
        migrations.CreateModel(
            name="Score",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("report", models.ForeignKey(db_index=False, on_delete=models.CASCADE, to="credit.report")),
                ("position", models.PositiveSmallIntegerField()),
                ("path", models.CharField()),
                ("model", models.CharField(blank=True)),
                ("indicator", models.CharField(blank=True)),
                ("value", models.PositiveSmallIntegerField(null=True)),
                ("exclusion_code", models.CharField(blank=True)),
                ("on", models.DateField(null=True)),
                ("percentile", models.PositiveIntegerField(null=True)),
                ("factors", models.JSONField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("report", "position"), name="one_score_in_each_place")]
            },
        ),
        migrations.CreateModel(
            name="Tradeline",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("report", models.ForeignKey(db_index=False, on_delete=models.CASCADE, to="credit.report")),
                ("position", models.PositiveSmallIntegerField()),
                ("path", models.CharField()),
                ("key", models.CharField(max_length=80)),
                ("creditor", models.CharField(blank=True)),
                ("subscriber_code", models.CharField(blank=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("card", "card"),
                            ("retail", "retail"),
                            ("loc", "loc"),
                            ("heloc", "heloc"),
                            ("auto", "auto"),
                            ("student", "student"),
                            ("mortgage", "mortgage"),
                            ("personal", "personal"),
                            ("lease", "lease"),
                            ("business", "business"),
                            ("medical", "medical"),
                            ("utility", "utility"),
                            ("support", "support"),
                            ("collection", "collection"),
                            ("other", "other"),
                        ],
                        max_length=20,
                    ),
                ),
                ("revolving", models.BooleanField(null=True)),
                ("is_open", models.BooleanField(null=True)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("individual", "individual"),
                            ("joint", "joint"),
                            ("authorized_user", "authorized_user"),
                            ("cosigner", "cosigner"),
                            ("maker", "maker"),
                            ("on_behalf", "on_behalf"),
                            ("business", "business"),
                            ("terminated", "terminated"),
                            ("deceased", "deceased"),
                            ("deleted", "deleted"),
                            ("undesignated", "undesignated"),
                            ("unknown", "unknown"),
                        ],
                        max_length=20,
                    ),
                ),
                ("opened", credit.fields.DayField()),
                ("status_on", credit.fields.DayField()),
                ("balance", models.BigIntegerField(null=True)),
                ("balance_on", credit.fields.DayField()),
                ("limit", models.BigIntegerField(null=True)),
                ("high", models.BigIntegerField(null=True)),
                ("original", models.BigIntegerField(null=True)),
                ("past_due", models.BigIntegerField(null=True)),
                ("monthly_payment", models.BigIntegerField(null=True)),
                ("payment_type", models.CharField(blank=True)),
                ("last_payment", credit.fields.DayField()),
                ("condition", models.CharField(blank=True)),
                ("condition_code", models.CharField(blank=True)),
                ("standing", models.CharField(blank=True)),
                ("standing_code", models.CharField(blank=True)),
                ("derogatory", models.BooleanField()),
                ("disputed", models.BooleanField()),
                ("remark_code", models.CharField(blank=True)),
                ("comment", models.CharField(blank=True)),
                ("days_30", models.PositiveIntegerField()),
                ("days_60", models.PositiveIntegerField()),
                ("days_90", models.PositiveIntegerField()),
                ("times_derogatory", models.PositiveIntegerField()),
                ("months_counted", models.PositiveIntegerField()),
                ("last_four", models.CharField(blank=True)),
                ("original_creditor", models.CharField(blank=True)),
                ("sold_to", models.CharField(blank=True)),
                ("bankruptcy", models.CharField(blank=True)),
                ("last_delinquency", credit.fields.DayField()),
                ("history_latest", models.DateField(null=True)),
                ("history_codes", models.CharField(blank=True)),
                ("history_buckets", models.CharField(blank=True)),
                (
                    "history_dated_by",
                    models.CharField(
                        choices=[
                            ("balance", "balance"),
                            ("payment_level", "payment_level"),
                            ("status", "status"),
                            ("report", "report"),
                            ("nothing", "nothing"),
                        ],
                        default="balance",
                        max_length=20,
                    ),
                ),
                ("trend", models.JSONField()),
                ("product", models.CharField(blank=True)),
                ("terms", models.CharField(blank=True)),
                ("second_delinquency", credit.fields.DayField()),
                ("worst_delinquency", credit.fields.DayField()),
                ("worst", models.CharField(blank=True)),
                ("worst_code", models.CharField(blank=True)),
                ("compliance", models.CharField(blank=True)),
                ("compliance_code", models.CharField(blank=True)),
                ("bankruptcy_stage", models.CharField(blank=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("report", "position"), name="one_tradeline_in_each_place")
                ]
            },
        ),
        migrations.CreateModel(
            name="Inquiry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("report", models.ForeignKey(db_index=False, on_delete=models.CASCADE, to="credit.report")),
                ("position", models.PositiveSmallIntegerField()),
                ("path", models.CharField()),
                ("on", credit.fields.DayField()),
                ("subscriber", models.CharField(blank=True)),
                ("subscriber_code", models.CharField(blank=True)),
                ("business", models.CharField(blank=True)),
                ("type", models.CharField(blank=True)),
                ("amount", models.BigIntegerField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("report", "position"), name="one_inquiry_in_each_place")
                ]
            },
        ),
        migrations.CreateModel(
            name="PublicRecord",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("report", models.ForeignKey(db_index=False, on_delete=models.CASCADE, to="credit.report")),
                ("position", models.PositiveSmallIntegerField()),
                ("path", models.CharField()),
                ("key", models.CharField(max_length=80)),
                ("court", models.CharField(blank=True)),
                ("court_code", models.CharField(blank=True)),
                ("reference", models.CharField(blank=True)),
                ("status_code", models.CharField(blank=True)),
                ("status_on", credit.fields.DayField()),
                ("filed_on", credit.fields.DayField()),
                ("amount", models.BigIntegerField(null=True)),
                ("evaluation", models.CharField(blank=True)),
                ("disputed", models.BooleanField()),
                ("plaintiff", models.CharField(blank=True)),
                ("bankruptcy", models.BooleanField()),
                ("percent", models.PositiveIntegerField(null=True)),
                ("adjustment_percent", models.PositiveIntegerField(null=True)),
                ("assets", models.BigIntegerField(null=True)),
                ("voluntary", models.BooleanField(null=True)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("individual", "individual"),
                            ("joint", "joint"),
                            ("authorized_user", "authorized_user"),
                            ("cosigner", "cosigner"),
                            ("maker", "maker"),
                            ("on_behalf", "on_behalf"),
                            ("business", "business"),
                            ("terminated", "terminated"),
                            ("deceased", "deceased"),
                            ("deleted", "deleted"),
                            ("undesignated", "undesignated"),
                            ("unknown", "unknown"),
                        ],
                        default="unknown",
                        max_length=20,
                    ),
                ),
                ("comment", models.CharField(blank=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("report", "position"), name="one_publicrecord_in_each_place")
                ]
            },
        ),
        migrations.CreateModel(
            name="PersonalDetail",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("report", models.ForeignKey(db_index=False, on_delete=models.CASCADE, to="credit.report")),
                ("position", models.PositiveSmallIntegerField()),
                ("path", models.CharField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("name", "name"),
                            ("birth", "birth"),
                            ("address", "address"),
                            ("employer", "employer"),
                            ("phone", "phone"),
                        ],
                        max_length=20,
                    ),
                ),
                ("text", compliance.vault.fields.SealedTextField()),
                ("first_reported", credit.fields.DayField()),
                ("last_reported", credit.fields.DayField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("report", "position"), name="one_personaldetail_in_each_place")
                ]
            },
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("report", models.ForeignKey(db_index=False, on_delete=models.CASCADE, to="credit.report")),
                ("position", models.PositiveSmallIntegerField()),
                ("path", models.CharField()),
                (
                    "notice",
                    models.CharField(
                        choices=[
                            ("freeze", "freeze"),
                            ("fraud_alert", "fraud_alert"),
                            ("active_duty", "active_duty"),
                            ("consumer", "consumer"),
                        ],
                        max_length=20,
                    ),
                ),
                ("code", models.CharField(blank=True)),
                ("on", credit.fields.DayField()),
                ("text", compliance.vault.fields.SealedTextField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("report", "position"), name="one_statement_in_each_place")
                ]
            },
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("report", models.ForeignKey(db_index=False, on_delete=models.CASCADE, to="credit.report")),
                ("position", models.PositiveIntegerField()),
                ("fingerprint", models.CharField(max_length=64)),
                (
                    "subject",
                    models.CharField(
                        choices=[
                            ("score_changed", "score_changed"),
                            ("score_appeared", "score_appeared"),
                            ("score_vanished", "score_vanished"),
                            ("inquiry_added", "inquiry_added"),
                            ("inquiry_appeared", "inquiry_appeared"),
                            ("account_opened", "account_opened"),
                            ("account_appeared", "account_appeared"),
                            ("account_transferred", "account_transferred"),
                            ("account_closed", "account_closed"),
                            ("account_paid_off", "account_paid_off"),
                            ("account_vanished", "account_vanished"),
                            ("collection_added", "collection_added"),
                            ("utilization_up", "utilization_up"),
                            ("utilization_down", "utilization_down"),
                            ("late_payment", "late_payment"),
                            ("late_worsened", "late_worsened"),
                            ("late_removed", "late_removed"),
                            ("past_due", "past_due"),
                            ("balance_changed", "balance_changed"),
                            ("limit_changed", "limit_changed"),
                            ("public_record_added", "public_record_added"),
                            ("public_record_changed", "public_record_changed"),
                            ("derogatory_added", "derogatory_added"),
                            ("derogatory_cleared", "derogatory_cleared"),
                            ("dispute_changed", "dispute_changed"),
                            ("remark_changed", "remark_changed"),
                            ("personal_added", "personal_added"),
                            ("flag_added", "flag_added"),
                            ("flag_cleared", "flag_cleared"),
                        ],
                        max_length=30,
                    ),
                ),
                ("entity", models.CharField()),
                (
                    "severity",
                    models.CharField(choices=[("info", "info"), ("notice", "notice"), ("high", "high")], max_length=10),
                ),
                ("name", models.CharField(blank=True)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                ("detail", models.CharField(blank=True)),
                ("key", models.CharField(blank=True, max_length=80)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("report", "position"), name="one_change_in_each_place"),
                    models.UniqueConstraint(fields=("owner", "fingerprint"), name="one_row_per_change"),
                ]
            },
        ),
    ]
