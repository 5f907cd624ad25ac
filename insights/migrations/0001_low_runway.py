"""Whose money runs low, and the one question about everybody: who has banks to look at this hour."""

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import DefinerFunction, IsolateByOwner


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("banking", "0002_isolation"),
        ("compliance", "0002_isolation"),
    ]

    operations = [
        migrations.CreateModel(
            name="LowRunway",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("currency", models.CharField(max_length=10)),
                ("since", models.DateTimeField(default=django.utils.timezone.now)),
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
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "currency"), name="one_row_per_low_runway")
                ],
            },
        ),
        IsolateByOwner("LowRunway"),
        DefinerFunction(
            "insights_people_of_hour",
            "hour integer, after uuid, most integer",
            "TABLE (owner_id uuid)",
            # Everybody has one hour of the day, so that no hour has everybody.
            """
            SELECT DISTINCT item.owner_id FROM banking_item AS item
            WHERE item.connection = 'active' AND item.owner_id > after
              AND (hashtext(item.owner_id::text) % 24 + 24) % 24 = hour
            ORDER BY item.owner_id LIMIT most
            """,
        ),
    ]
