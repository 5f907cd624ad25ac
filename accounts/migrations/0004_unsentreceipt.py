"""Receipts of erasures that are not sent yet, with the address, sealed for the site."""

import uuid

import django.utils.timezone
from django.db import migrations, models

import compliance.isolation.models
import compliance.vault.fields
from compliance.isolation.migrations import IsolateByOwner


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_deletionrequest")]

    operations = [
        migrations.CreateModel(
            name="UnsentReceipt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("owner", models.UUIDField(default=uuid.UUID(int=0), editable=False)),
                ("account", models.UUIDField(editable=False, unique=True)),
                ("email", compliance.vault.fields.SealedTextField(owner="owner")),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        IsolateByOwner("UnsentReceipt", owner_key=False),
    ]
