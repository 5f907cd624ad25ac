"""Requests for the deletion of accounts, and the question which of all users' are due."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import DefinerFunction, IsolateByOwner, OperatorView


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_isolation")]

    operations = [
        migrations.CreateModel(
            name="DeletionRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("due_at", models.DateTimeField()),
                ("canceled_at", models.DateTimeField(null=True)),
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
                "indexes": [
                    models.Index(condition=models.Q(("canceled_at", None)), fields=["due_at"], name="deletions_due")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("canceled_at", None)), fields=("owner",), name="one_open_deletion_request"
                    )
                ],
            },
        ),
        IsolateByOwner("DeletionRequest"),
        DefinerFunction(
            "accounts_due_deletions",
            "at timestamptz, after_due_at timestamptz, after_owner uuid, most integer",
            "TABLE (due_at timestamptz, owner_id uuid)",
            # Page by page, because what fails or has to wait stays due, and others come after it.
            """
            SELECT request.due_at, request.owner_id FROM accounts_deletionrequest AS request
            WHERE request.canceled_at IS NULL AND request.due_at <= at
                AND (request.due_at, request.owner_id) > (after_due_at, after_owner)
            ORDER BY request.due_at, request.owner_id LIMIT most
            """,
        ),
        OperatorView(
            "accounts_scheduled_deletions",
            columns=["id", "user_id", "requested_at", "due_at"],
            query="SELECT id, owner_id, requested_at, due_at FROM accounts_deletionrequest WHERE canceled_at IS NULL",
        ),
        migrations.CreateModel(
            name="ScheduledDeletion",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("user_id", models.UUIDField()),
                ("requested_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
            ],
            options={"db_table": "accounts_scheduled_deletions", "ordering": ["due_at"], "managed": False},
        ),
    ]
