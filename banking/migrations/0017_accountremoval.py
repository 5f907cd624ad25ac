"""Accounts that a person removed alone, what a worker has still to do for that, and its row-level security."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import DefinerFunction, IsolateByOwner, OwnedReference


class Migration(migrations.Migration):
    dependencies = [("banking", "0016_account_settings")]

    operations = [
        migrations.AddField(model_name="account", name="user_removed_at", field=models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="AccountRemoval",
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
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="removal", to="banking.account"
                    ),
                ),
                ("history", models.CharField(choices=[("keep", "Keep"), ("delete", "Delete")], max_length=6)),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={"indexes": [models.Index(fields=["next_attempt_at"], name="account_removals_due")]},
        ),
        IsolateByOwner("AccountRemoval", owner_key=False),
        OwnedReference("AccountRemoval", "account"),
        DefinerFunction(
            "banking_due_account_removals",
            "most integer",
            "TABLE (owner_id uuid, removal_id uuid)",
            """
            SELECT removal.owner_id, removal.id FROM banking_accountremoval AS removal
            WHERE removal.next_attempt_at <= now()
            ORDER BY removal.next_attempt_at LIMIT most
            """,
        ),
    ]
