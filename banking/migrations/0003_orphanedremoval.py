"""Removals at the provider that outlive their erased users, and the list of those that failed, for operators."""

import uuid

import django.utils.timezone
from django.db import migrations, models

import banking.providers
import compliance.isolation.models
import compliance.vault.fields
from compliance.isolation.migrations import IsolateByOwner, OperatorView

FAILED_REMOVALS = """
    SELECT removal.id, removal.owner_id, item.provider, item.environment, removal.attempts, removal.next_attempt_at,
           removal.error_code
      FROM banking_pendingremoval AS removal JOIN banking_item AS item ON item.id = removal.item_id
     WHERE removal.attempts > 0
    UNION ALL
    SELECT id, NULL, provider, environment, attempts, next_attempt_at, error_code
      FROM banking_orphanedremoval WHERE attempts > 0
"""


class Migration(migrations.Migration):
    dependencies = [("banking", "0002_isolation")]

    operations = [
        migrations.CreateModel(
            name="OrphanedRemoval",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("owner", models.UUIDField(default=uuid.UUID(int=0), editable=False)),
                ("provider", models.CharField(choices=banking.providers.provider_choices, max_length=20)),
                ("environment", models.CharField(max_length=20)),
                ("provider_item_id", models.CharField(max_length=100)),
                ("access_token", compliance.vault.fields.SealedTextField(owner="owner")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("error_code", models.CharField(blank=True, max_length=100)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        IsolateByOwner("OrphanedRemoval", owner_key=False),
        OperatorView(
            "banking_failed_removals",
            columns=["id", "user_id", "provider", "environment", "attempts", "next_attempt_at", "error_code"],
            query=FAILED_REMOVALS,
        ),
        migrations.CreateModel(
            name="FailedRemoval",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("user_id", models.UUIDField(null=True)),
                ("provider", models.CharField(max_length=20)),
                ("environment", models.CharField(max_length=20)),
                ("attempts", models.PositiveSmallIntegerField()),
                ("next_attempt_at", models.DateTimeField()),
                ("error_code", models.CharField(max_length=100)),
            ],
            options={"db_table": "banking_failed_removals", "ordering": ["-attempts", "id"], "managed": False},
        ),
    ]
