"""When users were emailed the link that cancels a deletion, and the question whom nobody has emailed yet."""

import django.utils.timezone
from django.db import migrations, models

from compliance.isolation.migrations import DefinerFunction


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_unsentreceipt")]

    operations = [
        # The users of all requests so far were emailed, as far as anybody knows.
        migrations.AddField(
            model_name="deletionrequest",
            name="emailed_at",
            field=models.DateTimeField(default=django.utils.timezone.now, null=True),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="deletionrequest",
            name="next_email_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        DefinerFunction(
            "accounts_unsent_deletion_emails",
            "at timestamptz, most integer",
            "TABLE (owner_id uuid, request_id uuid)",
            """
            SELECT request.owner_id, request.id FROM accounts_deletionrequest AS request
            WHERE request.canceled_at IS NULL AND request.emailed_at IS NULL
                AND request.due_at > at AND request.next_email_at <= at
            ORDER BY request.next_email_at LIMIT most
            """,
        ),
    ]
