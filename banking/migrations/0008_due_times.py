"""What is due stays due until a reading ends: the clock's claim is a moment of its own, and no time far ahead."""

from django.db import migrations, models

from compliance.isolation.migrations import DefinerFunction, DropDefinerFunction


class Migration(migrations.Migration):
    dependencies = [("banking", "0007_transfer")]

    operations = [
        migrations.AddField(model_name="item", name="claimed_until", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="item", name="reads_slowly", field=models.BooleanField(db_default=False, default=False)
        ),
        DropDefinerFunction("banking_claim_due_items", "environment text, most integer"),
        DefinerFunction(
            "banking_claim_due_syncs",
            "environment text, most integer",
            "TABLE (owner_id uuid, item_id uuid, lane text)",
            # A dispatcher passes over what another one holds or claimed within the minute, and over what is being read.
            """
            UPDATE banking_item AS item SET claimed_until = now() + interval '1 minute'
            FROM (
                SELECT due.id FROM banking_item AS due
                WHERE due.connection = 'active' AND due.next_sync_at <= now() AND due.environment = $1
                  AND (due.claimed_until IS NULL OR due.claimed_until <= now())
                  AND (due.leased_until IS NULL OR due.leased_until <= now())
                ORDER BY due.next_sync_at LIMIT most FOR UPDATE SKIP LOCKED
            ) AS due
            WHERE item.id = due.id
            RETURNING item.owner_id, item.id, CASE
                WHEN item.reads_slowly THEN 'slow'
                WHEN item.readiness <> 'historical' THEN 'shared'
                WHEN item.sync_wanted_at > item.checked_at THEN 'shared'
                ELSE 'routine'
            END
            """,
            updates={"banking_item": ["claimed_until"]},
        ),
    ]
