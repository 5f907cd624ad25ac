"""The tables of the credit report."""

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
import compliance.vault.fields


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
                    "status",
                    models.CharField(
                        choices=[
                            ("off", "off"),
                            ("no_consent", "no_consent"),
                            ("consent_outdated", "consent_outdated"),
                            ("stale", "stale"),
                            ("not_pulled", "not_pulled"),
                            ("pulling", "pulling"),
                            ("ready", "ready"),
                            ("mismatch", "mismatch"),
                            ("no_hit", "no_hit"),
                            ("frozen", "frozen"),
                            ("restricted", "restricted"),
                            ("details_refused", "details_refused"),
                            ("retrying", "retrying"),
                            ("outcome_unknown", "outcome_unknown"),
                            ("unparsed", "unparsed"),
                            ("details_lost", "details_lost"),
                            ("unavailable", "unavailable"),
                        ],
                        default="not_pulled",
                        max_length=20,
                    ),
                ),
                ("status_changed_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("rejected_field", models.CharField(blank=True, max_length=20)),
                ("pull_day", models.PositiveSmallIntegerField()),
                ("due_on", models.DateField(null=True)),
                ("succeeded_at", models.DateTimeField(null=True)),
                ("eligible_at", models.DateTimeField(null=True)),
                ("next_pull_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("unknown_outcomes", models.PositiveSmallIntegerField(default=0)),
                ("details_corrected", models.BooleanField(default=False)),
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
                            models.Q(("status__in", ["details_lost", "details_refused", "no_hit"]), _negated=True),
                            ("next_pull_at", None),
                            _connector="OR",
                        ),
                        name="no_pull_before_new_details",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ["ready", "mismatch"]), _negated=True),
                            models.Q(("succeeded_at", None), _negated=True),
                            _connector="OR",
                        ),
                        name="report_has_its_date",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rejected_field", ""), ("status", "details_refused"), _connector="OR"),
                        name="refused_field_with_refused_details",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("unknown_outcomes__lte", models.F("failures"))),
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
                    "status",
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
                        choices=[("user", "User"), ("scheduled", "Scheduled"), ("demo", "Demo")], max_length=10
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
                        condition=models.Q(("status", "pending")), fields=("owner",), name="one_pending_attempt"
                    ),
                    models.UniqueConstraint(fields=("reference_id",), name="one_reference_per_attempt"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at", None), ("status", "pending")),
                            models.Q(
                                models.Q(("status", "pending"), _negated=True),
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
                ("failed_parser_version", models.PositiveSmallIntegerField(null=True)),
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
                ("consumer_hash", models.CharField(blank=True, max_length=64)),
                ("address_mismatch", models.BooleanField()),
                ("ssn_variation", models.BooleanField()),
                ("credit_score", models.PositiveSmallIntegerField(null=True)),
                ("score_model", models.CharField(blank=True)),
                ("score_indicator", models.CharField(blank=True)),
                ("score_exclusion_code", models.CharField(blank=True)),
                ("score_percentile", models.PositiveIntegerField(null=True)),
                ("document", compliance.vault.fields.SealedTextField()),
                ("changes", compliance.vault.fields.SealedTextField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("comparable", models.BooleanField(default=True)),
            ],
            options={"indexes": [models.Index(fields=["owner", "-pulled_at"], name="reports_newest_first")]},
        ),
    ]
