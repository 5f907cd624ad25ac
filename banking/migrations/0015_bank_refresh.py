"""Requests to the bank itself, counts of syncs that were put off, and the deletion of old runs."""

from django.db import migrations, models

from compliance.isolation.migrations import DefinerFunction, GrantOperatorRead


class Migration(migrations.Migration):
    dependencies = [("banking", "0014_hosted_link")]

    operations = [
        migrations.AddField("item", "bank_refresh_requested", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("item", "bank_refreshed_at", models.DateTimeField(null=True)),
        migrations.AddField("item", "bank_refreshes", models.PositiveSmallIntegerField(db_default=0, default=0)),
        migrations.AddField("item", "bank_refresh_until", models.DateTimeField(null=True)),
        migrations.AddField("item", "postponed_syncs", models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddField("syncrun", "added", models.PositiveIntegerField(null=True)),
        migrations.AddField(
            "syncrun",
            "bank_refresh",
            models.CharField(
                blank=True,
                choices=[
                    ("requested", "Requested"),
                    ("unsupported", "Unsupported"),
                    ("limited", "Limited"),
                    ("used_up", "Used Up"),
                    ("failed", "Failed"),
                ],
                db_default="",
                default="",
                max_length=15,
            ),
        ),
        migrations.AddField("syncrun", "postponed", models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddField(
            "syncrun",
            "fault",
            models.CharField(
                blank=True,
                choices=[("ours", "ours"), ("provider", "provider"), ("bank", "bank")],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            "itemproduct",
            "product",
            models.CharField(
                choices=[
                    ("transactions", "Transactions"),
                    ("liabilities", "Liabilities"),
                    ("recurring", "Recurring"),
                    ("transactions_refresh", "Transactions Refresh"),
                    ("balance", "Balance"),
                ],
                max_length=20,
            ),
        ),
        DefinerFunction(
            "banking_items_with_old_runs",
            "before timestamptz, most integer",
            "TABLE (owner_id uuid, item_id uuid)",
            """
            SELECT item.owner_id, item.id FROM banking_item AS item
            WHERE EXISTS (
                SELECT FROM banking_syncrun AS run
                WHERE run.item_id = item.id AND run.started_at < before
                  -- The last successful one stays.
                  AND run.id IS DISTINCT FROM (
                      SELECT ended.id FROM banking_syncrun AS ended
                      WHERE ended.item_id = item.id AND ended.result = 'ok'
                      ORDER BY ended.started_at DESC LIMIT 1)
            ) LIMIT most
            """,
        ),
        GrantOperatorRead("banking.Item", columns=["bank_refreshed_at", "bank_refreshes", "postponed_syncs"]),
        GrantOperatorRead("banking.SyncRun", columns=["added", "bank_refresh", "postponed"]),
        GrantOperatorRead(
            "banking.ItemProduct",
            columns=["id", "owner_id", "item_id", "product", "status", "error_code", "checked_at", "last_ok_at"],
        ),
    ]
