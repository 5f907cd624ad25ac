"""Low-runway alerts, and the cards that people linked to accounts of their credit report."""

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL), ("banking", "0001_initial")]

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
                ("currency", models.CharField(max_length=10)),
                ("since", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("owner", "currency"), name="one_row_per_low_runway")]
            },
        ),
        migrations.CreateModel(
            name="CardLink",
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
                    "account",
                    models.ForeignKey(db_index=False, on_delete=models.CASCADE, related_name="+", to="banking.account"),
                ),
                ("key", models.CharField(max_length=80)),
                ("same", models.BooleanField()),
                ("decided_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "key"), name="one_decision_per_pair"),
                    models.UniqueConstraint(
                        condition=models.Q(("same", True)), fields=("account",), name="one_account_per_card"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("same", True)), fields=("owner", "key"), name="one_card_per_account"
                    ),
                ]
            },
        ),
    ]
