"""Checks of figures against the rows behind them, and the list of those that differ, for operators."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import IsolateByOwner, OperatorView, OwnedReference

DIFFERENCES = """
    SELECT id, owner_id, kind, since, until, differs_since FROM insights_figurecheck WHERE differs_since IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("banking", "0006_lost_links"), ("insights", "0002_isolation")]

    operations = [
        migrations.CreateModel(
            name="FigureCheck",
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
                    "kind",
                    models.CharField(
                        choices=[("balance", "Balance"), ("cash_flow", "Cash Flow"), ("chart", "Chart")], max_length=10
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="banking.account",
                    ),
                ),
                ("currency", models.CharField(blank=True)),
                ("since", models.DateField()),
                ("until", models.DateField()),
                ("expected", models.DecimalField(decimal_places=10, max_digits=28)),
                ("actual", models.DecimalField(decimal_places=10, max_digits=28)),
                ("checked_at", models.DateTimeField()),
                ("differs_since", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("owner", "kind", "account", "currency"),
                        name="one_check_per_figure",
                        nulls_distinct=False,
                    )
                ]
            },
        ),
        IsolateByOwner("FigureCheck", owner_key=False),
        OwnedReference("FigureCheck", "account"),
        OperatorView(
            "insights_figure_differences",
            columns=["id", "user_id", "kind", "since", "until", "differs_since"],
            query=DIFFERENCES,
        ),
        migrations.CreateModel(
            name="FigureDifference",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("user_id", models.UUIDField()),
                ("kind", models.CharField(max_length=10)),
                ("since", models.DateField()),
                ("until", models.DateField()),
                ("differs_since", models.DateTimeField()),
            ],
            options={
                "db_table": "insights_figure_differences",
                "ordering": ["differs_since", "id"],
                "managed": False,
            },
        ),
    ]
