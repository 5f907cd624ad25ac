"""What could not be stored of each Item, its row-level security, and the sums that operators see."""

import compliance.isolation.models
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from banking.provider import RowKind
from compliance.isolation.migrations import IsolateByOwner, OperatorView, OwnedReference

GROUP = ["institution_name", "provider", "environment", "kind", "reason", "field"]
REASONS = [
    ("invalid_field", "Invalid Field"), ("unknown_account", "Unknown Account"), ("list_not_sent", "List Not Sent"),
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("banking", "0020_splits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="UnstoredRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(choices=[(kind, kind) for kind in RowKind], max_length=20)),
                ("reason", models.CharField(choices=REASONS, max_length=20)),
                ("field", models.CharField(max_length=100)),
                ("provider_id", models.CharField(blank=True, max_length=256)),
                ("rows", models.PositiveIntegerField(default=1)),
                ("first_seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="unstored_rows", to="banking.item"
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
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=~models.Q(provider_id=""),
                        fields=("item", "provider_id"),
                        name="one_row_per_unstored_transaction",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(provider_id=""),
                        fields=("item", "kind", "field"),
                        name="one_count_per_unstored_field",
                    ),
                ],
            },
        ),
        IsolateByOwner("UnstoredRow", owner_key=False),
        OwnedReference("UnstoredRow", "item"),
        OperatorView(
            "banking_unstored_row_counts",
            columns=["id", *GROUP, "rows", "connections", "first_seen_at", "last_seen_at"],
            query="""
            SELECT md5(row(coalesce(institution.name, ''), item.provider, item.environment, kind, reason, field)::text)::uuid,
                coalesce(institution.name, ''), item.provider, item.environment, kind, reason, field,
                sum(rows)::bigint, count(DISTINCT item.id), min(first_seen_at), max(last_seen_at)
            FROM banking_unstoredrow AS unstored JOIN banking_item AS item ON item.id = unstored.item_id
            LEFT JOIN banking_institution AS institution ON institution.id = item.institution_id
            GROUP BY institution.name, item.provider, item.environment, kind, reason, field
            """,
        ),
        migrations.CreateModel(
            name="UnstoredRowCount",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("institution_name", models.CharField()),
                ("provider", models.CharField(max_length=20)),
                ("environment", models.CharField(max_length=20)),
                ("kind", models.CharField(max_length=20)),
                ("reason", models.CharField(max_length=20)),
                ("field", models.CharField(max_length=100)),
                ("rows", models.PositiveIntegerField()),
                ("connections", models.PositiveIntegerField()),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
            ],
            options={
                "db_table": "banking_unstored_row_counts",
                "ordering": ["-last_seen_at", "id"],
                "managed": False,
            },
        ),
    ]
