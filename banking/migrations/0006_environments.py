"""The clock names Items and removals of one environment alone: a token is only ever sent to the Plaid that made it."""

from django.db import migrations, models

from compliance.isolation.migrations import DefinerFunction, DropDefinerFunction


class Migration(migrations.Migration):
    dependencies = [("banking", "0005_viewer")]

    operations = [
        # A dialog that is open while this is deployed cannot be finished: nothing says where it was opened.
        migrations.AddField(
            model_name="linksession", name="environment", field=models.CharField(default="", max_length=20)
        ),
        DropDefinerFunction("banking_claim_due_items", "most integer"),
        DropDefinerFunction("banking_due_removals", "most integer"),
        DefinerFunction(
            "banking_claim_due_items",
            "environment text, most integer",
            "TABLE (owner_id uuid, item_id uuid)",
            # Moving the time on is the claim: a second dispatcher passes over what the first one holds.
            """
            UPDATE banking_item AS item SET next_sync_at = now() + interval '6 hours'
            FROM (
                SELECT due.id FROM banking_item AS due
                WHERE due.connection = 'active' AND due.next_sync_at <= now() AND due.environment = $1
                ORDER BY due.next_sync_at LIMIT most FOR UPDATE SKIP LOCKED
            ) AS due
            WHERE item.id = due.id
            RETURNING item.owner_id, item.id
            """,
            updates={"banking_item": ["next_sync_at"]},
        ),
        DefinerFunction(
            "banking_due_removals",
            "environment text, most integer",
            "TABLE (owner_id uuid, removal_id uuid)",
            """
            SELECT owed.owner_id, owed.id FROM banking_pendingremoval AS owed
            JOIN banking_item AS item ON item.id = owed.item_id
            WHERE owed.next_attempt_at <= now() AND item.environment = $1
            ORDER BY owed.next_attempt_at LIMIT most
            """,
        ),
    ]
