"""How long each person's data is kept, and the scheduler's question about everybody: whose notice or purge is due."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import DefinerFunction, IsolateByOwner


class Migration(migrations.Migration):
    dependencies = [("compliance", "0007_exports"), ("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="RetentionSetting",
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("data_type", models.CharField(max_length=40)),
                ("days_to_retain", models.PositiveSmallIntegerField(null=True)),
                ("previous_days", models.PositiveSmallIntegerField(null=True)),
                ("chosen_at", models.DateTimeField(null=True)),
                ("announced_at", models.DateTimeField(null=True)),
                ("effective_at", models.DateTimeField(null=True)),
                ("last_purge_date", models.DateField(null=True)),
                ("last_purged_rows", models.PositiveIntegerField(default=0)),
                ("due_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("owner", "data_type"), name="one_retention_setting_per_type"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("announced_at", None), ("effective_at__gte", models.F("announced_at")), _connector="OR"
                        ),
                        name="told_before_effective",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="retention_due"
                    )
                ],
            },
        ),
        IsolateByOwner("RetentionSetting"),
        DefinerFunction(
            "compliance_claim_due_retention",
            "due_before timestamptz, claimed_until timestamptz, batch_size integer",
            "TABLE (owner_id uuid, data_type varchar)",
            # A dispatcher passes over settings that another one holds.
            """
            UPDATE compliance_retentionsetting AS setting SET due_at = claimed_until
            FROM (
                SELECT due.id FROM compliance_retentionsetting AS due
                WHERE due.due_at <= due_before
                ORDER BY due.due_at LIMIT batch_size FOR UPDATE SKIP LOCKED
            ) AS due
            WHERE setting.id = due.id
            RETURNING setting.owner_id, setting.data_type
            """,
            updates={"compliance_retentionsetting": ["due_at"]},
        ),
    ]
