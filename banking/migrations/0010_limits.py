"""Fair claims of due Items, and counts of what a provider limits or charges for."""

from django.db import migrations, models

from compliance.isolation.migrations import DefinerFunction, GrantOperatorRead

# A claim is fair among the oldest due Items, five for each that it may return: this bounds its cost.
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
            WHEN item.sync_requested_at > item.checked_at THEN 'shared'
            ELSE 'routine'
        END AS lane
    )
    SELECT claimed.owner_id, claimed.id, claimed.lane FROM claimed JOIN next ON next.id = claimed.id
    ORDER BY next.turn, next.next_sync_at
"""


class Migration(migrations.Migration):
    dependencies = [("banking", "0009_connection_states")]

    operations = [
        migrations.CreateModel(
            name="ProviderCallCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=20)),
                ("environment", models.CharField(max_length=20)),
                ("endpoint", models.CharField(max_length=100)),
                ("day", models.DateField()),
                ("calls", models.PositiveBigIntegerField(db_default=0, default=0)),
                ("reserved", models.PositiveIntegerField(db_default=0, default=0)),
            ],
            options={
                "ordering": ["-day", "endpoint"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "environment", "day", "endpoint"), name="one_count_per_day"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LinkedItemCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=20)),
                ("environment", models.CharField(max_length=20)),
                ("linked", models.PositiveIntegerField(db_default=0, default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("provider", "environment"), name="one_count_per_environment")
                ],
            },
        ),
        DefinerFunction(
            "banking_claim_due_syncs",
            "provider text, environment text, most integer",
            "TABLE (owner_id uuid, item_id uuid, lane text)",
            CLAIM_DUE_SYNCS,
            updates={"banking_item": ["claimed_until"]},
        ),
        DefinerFunction(
            "banking_count_items",
            "provider text, environment text",
            "TABLE (linked bigint, removed bigint, failing bigint, stale bigint)",
            """
            SELECT
                count(*) FILTER (WHERE item.removed_at IS NULL) + (
                    SELECT count(*) FROM banking_orphanedremoval AS orphan
                    WHERE orphan.provider = $1 AND orphan.environment = $2
                ),
                count(*) FILTER (WHERE item.removed_at IS NOT NULL),
                count(*) FILTER (
                    WHERE item.removed_at IS NULL AND (item.connection <> 'active' OR item.failures > 0)
                      AND coalesce(item.checked_at, item.connected_at) < now() - interval '30 days'
                ),
                count(*) FILTER (
                    WHERE item.connection = 'active'
                      AND coalesce(item.checked_at, item.connected_at) < now() - interval '1 day'
                )
            FROM banking_item AS item WHERE item.provider = $1 AND item.environment = $2
            """,
        ),
        GrantOperatorRead(
            "banking.ProviderCallCount",
            columns=["id", "provider", "environment", "endpoint", "day", "calls", "reserved"],
        ),
    ]
