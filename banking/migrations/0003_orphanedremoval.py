"""Removals at the provider that outlive their erased users."""

import uuid

import django.utils.timezone
from django.db import migrations, models

import banking.providers
import compliance.isolation.models
import compliance.vault.fields
from compliance.isolation.migrations import IsolateByOwner


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
    ]
