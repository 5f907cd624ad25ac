"""Due Items that a webhook requested have a lane of their own, behind those that a user requested."""

from django.db import migrations

from compliance.isolation.migrations import DefinerFunction

CLAIM_DUE_SYNCS = """
    WITH oldest AS (
        SELECT due.id, due.owner_id, due.next_sync_at FROM banking_item AS due
        WHERE due.connection = 'active' AND due.next_sync_at <= now() AND due.provider = $1 AND due.environment = $2
          AND (due.claimed_until IS NULL OR due.claimed_until <= now())
          AND (due.leased_until IS NULL OR due.leased_until <= now())
          AND EXISTS (SELECT FROM accounts_user WHERE id = due.owner_id AND is_active AND deleted_at IS NULL)
        ORDER BY due.next_sync_at LIMIT most * 5
    ), turns AS (
        -- Five Items of each owner, then five more of each, so that an owner with hundreds does not delay the others.
        SELECT oldest.id, oldest.next_sync_at,
               (row_number() OVER (PARTITION BY oldest.owner_id ORDER BY oldest.next_sync_at, oldest.id) - 1) / 5 AS turn
        FROM oldest
    ), next AS (
        SELECT turns.id, turns.turn, turns.next_sync_at FROM turns ORDER BY turns.turn, turns.next_sync_at LIMIT most
    ), locked AS (
        -- A dispatcher passes over Items that another one holds or claimed within the minute, and over Items whose
        -- sync is running.
        SELECT item.id FROM banking_item AS item
        WHERE item.id IN (SELECT next.id FROM next) AND item.connection = 'active' AND item.next_sync_at <= now()
          AND (item.claimed_until IS NULL OR item.claimed_until <= now())
          AND (item.leased_until IS NULL OR item.leased_until <= now())
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE banking_item AS item SET claimed_until = now() + interval '1 minute'
        FROM locked WHERE item.id = locked.id
        RETURNING item.owner_id, item.id, CASE
            WHEN item.is_slow THEN 'slow'
            WHEN item.readiness <> 'historical' THEN 'shared'
            WHEN item.refreshed_at > item.checked_at THEN 'shared'
            WHEN item.sync_requested_at > item.checked_at THEN 'webhooks'
            ELSE 'routine'
        END AS lane
    )
    SELECT claimed.owner_id, claimed.id, claimed.lane FROM claimed JOIN next ON next.id = claimed.id
    ORDER BY next.turn, next.next_sync_at
"""


class Migration(migrations.Migration):
    dependencies = [("banking", "0017_accountremoval")]

    operations = [
        DefinerFunction(
            "banking_claim_due_syncs",
            "provider text, environment text, most integer",
            "TABLE (owner_id uuid, item_id uuid, lane text)",
            CLAIM_DUE_SYNCS,
            updates={"banking_item": ["claimed_until"]},
        ),
    ]
