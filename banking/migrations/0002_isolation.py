from django.db import migrations

from compliance.isolation.migrations import DefinerFunction, IsolateByOwner, OwnedReference

OWNED = (
    "Item",
    "Account",
    "BalanceSnapshot",
    "Transaction",
    "SyncRun",
    "LinkSession",
    "PendingRemoval",
)

REFERENCES = (
    ("Account", "item"),
    ("BalanceSnapshot", "account"),
    ("Transaction", "account"),
    ("SyncRun", "item"),
    ("LinkSession", "item"),
    ("PendingRemoval", "item"),
)


class Migration(migrations.Migration):
    """Keep owners apart, and let the clock and the doorbell ask the few questions that are about everybody."""

    dependencies = [("banking", "0001_initial"), ("compliance", "0002_audit")]

    operations = [
        *(IsolateByOwner(model) for model in OWNED),
        *(OwnedReference(model, field) for model, field in REFERENCES),
        DefinerFunction(
            "banking_claim_due_items",
            "most integer",
            "TABLE (owner_id uuid, item_id uuid)",
            # Moving the time on is the claim: a second dispatcher passes over what the first one holds.
            """
            UPDATE banking_item AS item SET next_sync_at = now() + interval '6 hours'
            FROM (
                SELECT id FROM banking_item
                WHERE connection = 'active' AND next_sync_at <= now()
                ORDER BY next_sync_at LIMIT most FOR UPDATE SKIP LOCKED
            ) AS due
            WHERE item.id = due.id
            RETURNING item.owner_id, item.id
            """,
            updates={"banking_item": ["next_sync_at"]},
        ),
        DefinerFunction(
            "banking_due_removals",
            "most integer",
            "TABLE (owner_id uuid, removal_id uuid)",
            """
            SELECT owner_id, id FROM banking_pendingremoval
            WHERE next_attempt_at <= now() ORDER BY next_attempt_at LIMIT most
            """,
        ),
        DefinerFunction(
            "banking_item_named",
            "environment text, provider_item_id text",
            "TABLE (owner_id uuid, item_id uuid)",
            """
            SELECT item.owner_id, item.id FROM banking_item AS item
            WHERE item.environment = $1 AND item.provider_item_id = $2
            """,
        ),
    ]
