"""Row-level security, the questions about everybody of the scheduler and the webhook, and what operators may read."""

from django.db import migrations

from compliance.isolation.migrations import DefinerFunction, IsolateByOwner, OwnedReference, GrantOperatorRead

REFERENCED = ("Item", "Account", "SyncRun", "LinkSession", "PendingRemoval", "Transfer")
# Nothing refers to a row of these tables, and a sync writes many: the key would cost every row and serve no query.
UNREFERENCED = ("BalanceSnapshot", "Transaction")

REFERENCES = (
    ("Account", "item"),
    ("Account", "successor"),
    ("BalanceSnapshot", "account"),
    ("Transaction", "account"),
    ("SyncRun", "item"),
    ("LinkSession", "item"),
    ("LinkSession", "replaces"),
    ("PendingRemoval", "item"),
)


class Migration(migrations.Migration):
    dependencies = [("banking", "0001_initial"), ("compliance", "0002_isolation")]

    operations = [
        *(IsolateByOwner(model) for model in REFERENCED),
        *(IsolateByOwner(model, owner_key=False) for model in UNREFERENCED),
        *(OwnedReference(model, field) for model, field in REFERENCES),
        DefinerFunction(
            "banking_claim_due_syncs",
            "provider text, environment text, most integer",
            "TABLE (owner_id uuid, item_id uuid, lane text)",
            # A dispatcher passes over Items that another one holds or claimed within the minute, and over Items
            # whose sync is running.
            """
            UPDATE banking_item AS item SET claimed_until = now() + interval '1 minute'
            FROM (
                SELECT due.id FROM banking_item AS due
                WHERE due.connection = 'active' AND due.next_sync_at <= now() AND due.provider = $1 AND due.environment = $2
                  AND (due.claimed_until IS NULL OR due.claimed_until <= now())
                  AND (due.leased_until IS NULL OR due.leased_until <= now())
                  AND EXISTS (SELECT FROM accounts_user WHERE id = due.owner_id AND is_active AND deleted_at IS NULL)
                ORDER BY due.next_sync_at LIMIT most FOR UPDATE SKIP LOCKED
            ) AS due
            WHERE item.id = due.id
            RETURNING item.owner_id, item.id, CASE
                WHEN item.is_slow THEN 'slow'
                WHEN item.readiness <> 'historical' THEN 'shared'
                WHEN item.sync_requested_at > item.checked_at THEN 'shared'
                ELSE 'routine'
            END
            """,
            updates={"banking_item": ["claimed_until"]},
        ),
        DefinerFunction(
            "banking_due_removals",
            "provider text, environment text, most integer",
            "TABLE (owner_id uuid, removal_id uuid)",
            """
            SELECT removal.owner_id, removal.id FROM banking_pendingremoval AS removal
            JOIN banking_item AS item ON item.id = removal.item_id
            WHERE removal.next_attempt_at <= now() AND item.provider = $1 AND item.environment = $2
            ORDER BY removal.next_attempt_at LIMIT most
            """,
        ),
        DefinerFunction(
            "banking_due_link_recoveries",
            "provider text, environment text, most integer",
            "TABLE (owner_id uuid, session_id uuid)",
            """
            SELECT link.owner_id, link.id FROM banking_linksession AS link
            WHERE link.provider = $1 AND link.environment = $2
              AND (link.state = 'pending' AND link.next_recovery_at <= now()
                   OR link.state = 'exchanging' AND link.claimed_at <= now() - interval '2 minutes')
            ORDER BY link.next_recovery_at LIMIT most
            """,
        ),
        DefinerFunction(
            "banking_find_item",
            "provider text, environment text, provider_item_id text",
            "TABLE (owner_id uuid, item_id uuid)",
            """
            SELECT item.owner_id, item.id FROM banking_item AS item
            WHERE item.provider = $1 AND item.environment = $2 AND item.provider_item_id = $3
            """,
        ),
        GrantOperatorRead(
            "banking.Item",
            columns=[
                "id", "owner_id", "institution_name", "environment", "connection", "readiness", "connected_at",
                "checked_at", "data_as_of", "removed_at", "failures", "error_code", "request_id", "next_sync_at",
            ],
        ),
        GrantOperatorRead(
            "banking.Account",
            columns=[
                "id", "owner_id", "name", "mask", "type", "subtype", "current", "available", "limit", "currency",
                "balance_as_of", "closed_at",
            ],
        ),
        GrantOperatorRead(
            "banking.Transaction",
            columns=["id", "owner_id", "day", "name", "amount", "currency", "pending", "category", "removed_at"],
        ),
        GrantOperatorRead(
            "banking.SyncRun",
            columns=[
                "id", "owner_id", "item_id", "trigger", "result", "started_at", "finished_at", "pages", "written",
                "removed", "restarts", "skipped_rows", "field_errors", "error_code", "request_id",
            ],
        ),
        GrantOperatorRead(
            "banking.LinkSession",
            columns=[
                "id", "owner_id", "environment", "state", "created_at", "claimed_at", "exchange_sent_at",
                "recovery_attempts", "next_recovery_at", "error_code", "exit_status", "link_session_id", "request_id",
                "is_update_mode",
            ],
        ),
    ]
