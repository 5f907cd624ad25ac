"""Pairs of transactions that are one transfer between a person's own accounts."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import IsolateByOwner


class Migration(migrations.Migration):
    dependencies = [("banking", "0006_environments"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Transfer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("money_out", models.UUIDField(unique=True)),
                ("money_in", models.UUIDField(unique=True)),
                ("left_on", models.DateField()),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now)),
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
            ],
            options={"indexes": [models.Index(fields=["owner", "left_on"], name="transfers_by_day")]},
        ),
        IsolateByOwner("Transfer"),
    ]
