"""Totals of transactions that are no longer stored, and their row-level security."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import IsolateByOwner, OwnedReference


class Migration(migrations.Migration):
    dependencies = [("banking", "0003_orphanedremoval")]

    operations = [
        migrations.CreateModel(
            name="TransactionTotal",
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
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="totals",
                        to="banking.account",
                    ),
                ),
                (
                    "source",
                    models.CharField(choices=[("purged", "Purged"), ("stream", "Stream")], max_length=6),
                ),
                ("period", models.CharField(choices=[("day", "Day"), ("month", "Month")], max_length=5)),
                ("starts_on", models.DateField()),
                ("currency", models.CharField()),
                ("category", models.CharField(blank=True)),
                ("money_in", models.DecimalField(decimal_places=10, max_digits=28)),
                ("money_out", models.DecimalField(decimal_places=10, max_digits=28)),
                ("count", models.PositiveIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "source", "period", "starts_on", "currency", "category"),
                        name="one_total_per_period",
                    )
                ],
                "indexes": [models.Index(fields=["owner", "period", "starts_on"], name="totals_of_owner")],
            },
        ),
        IsolateByOwner("TransactionTotal", owner_key=False),
        OwnedReference("TransactionTotal", "account"),
    ]
