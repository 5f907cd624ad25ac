"""Received webhooks and what followed from them, and the URL to which each Item's webhooks are sent."""

import uuid

import django.utils.timezone
from django.db import migrations, models

import compliance.isolation.models
from banking.provider import WebhookKind
from compliance.isolation.migrations import DefinerFunction, IsolateByOwner, OperatorView

COLUMNS = [
    "id", "received_at", "provider", "environment", "type", "code", "summary", "outcome", "attempts", "next_attempt_at",
    "processed_at", "error_code",
]  # fmt: skip
OUTCOMES = [
    ("new", "New"), ("processed", "Processed"), ("ignored", "Ignored"), ("orphan", "Orphan"), ("expired", "Expired"),
    ("failed", "Failed"), ("missed", "Missed"),
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("banking", "0007_transferdecision")]

    operations = [
        migrations.DeleteModel("WebhookReceipt"),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("owner", models.UUIDField(default=uuid.UUID(int=0), editable=False)),
                ("fingerprint", models.CharField(max_length=64, unique=True)),
                ("provider", models.CharField(max_length=20)),
                ("environment", models.CharField(max_length=20)),
                ("kind", models.CharField(choices=[(kind, kind) for kind in WebhookKind], max_length=30)),
                ("type", models.CharField(blank=True, max_length=100)),
                ("code", models.CharField(max_length=100)),
                ("provider_item_id", models.CharField(blank=True, max_length=100)),
                ("summary", models.JSONField(default=dict)),
                ("issued_at", models.DateTimeField()),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("outcome", models.CharField(choices=OUTCOMES, default="new", max_length=10)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("processed_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(blank=True, max_length=100)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["provider_item_id", "received_at"], name="webhooks_of_item"),
                    models.Index(fields=["received_at"], name="webhooks_by_age"),
                    models.Index(
                        condition=models.Q(next_attempt_at__isnull=False),
                        fields=["next_attempt_at"],
                        name="webhooks_due",
                    ),
                ],
            },
        ),
        IsolateByOwner("WebhookEvent", owner_key=False),
        OperatorView(
            "banking_received_webhooks",
            columns=COLUMNS,
            # Without the account that a user no longer shares.
            query=f"SELECT {', '.join(COLUMNS)} FROM banking_webhookevent".replace(
                "summary", "summary - 'account_id'"
            ),
        ),
        migrations.CreateModel(
            name="ReceivedWebhook",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("received_at", models.DateTimeField()),
                ("provider", models.CharField(max_length=20)),
                ("environment", models.CharField(max_length=20)),
                ("type", models.CharField(max_length=100)),
                ("code", models.CharField(max_length=100)),
                ("summary", models.JSONField()),
                ("outcome", models.CharField(max_length=10)),
                ("attempts", models.PositiveSmallIntegerField()),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("processed_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(max_length=100)),
            ],
            options={"db_table": "banking_received_webhooks", "ordering": ["-received_at", "id"], "managed": False},
        ),
        migrations.AddField("item", "webhook_url", models.CharField(null=True)),
        migrations.AddField("item", "webhook_claimed_until", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "item",
            models.Index(
                fields=["next_sync_at"], condition=models.Q(connection="login_required"), name="items_to_check"
            ),
        ),
        DefinerFunction(
            "banking_claim_webhook_updates",
            "provider text, environment text, url text, most integer",
            "TABLE (owner_id uuid, item_id uuid)",
            # The first sync of an Item learns its URL. An Item whose URL could not be changed is tried again after an
            # hour.
            """
            UPDATE banking_item AS item SET webhook_claimed_until = now() + interval '1 hour'
            FROM (
                SELECT stale.id FROM banking_item AS stale
                WHERE stale.provider = $1 AND stale.environment = $2 AND stale.webhook_url IS DISTINCT FROM $3
                  AND stale.connection IN ('active', 'login_required', 'needs_consent')
                  AND stale.connected_at <= now() - interval '10 minutes'
                  AND (stale.webhook_claimed_until IS NULL OR stale.webhook_claimed_until <= now())
                  AND EXISTS (SELECT FROM accounts_user WHERE id = stale.owner_id AND is_active AND deleted_at IS NULL)
                LIMIT most FOR UPDATE SKIP LOCKED
            ) AS stale
            WHERE item.id = stale.id
            RETURNING item.owner_id, item.id
            """,
            updates={"banking_item": ["webhook_claimed_until"]},
        ),
        DefinerFunction(
            "banking_claim_due_checks",
            "provider text, environment text, most integer",
            "TABLE (owner_id uuid, item_id uuid)",
            # Such an Item is not synced, so its ``next_sync_at`` stays in the past. From then on it is checked daily.
            """
            UPDATE banking_item AS item SET next_sync_at = now()
            FROM (
                SELECT due.id FROM banking_item AS due
                WHERE due.connection = 'login_required' AND due.next_sync_at <= now() - interval '1 day'
                  AND due.provider = $1 AND due.environment = $2
                  AND EXISTS (SELECT FROM accounts_user WHERE id = due.owner_id AND is_active AND deleted_at IS NULL)
                ORDER BY due.next_sync_at LIMIT most FOR UPDATE SKIP LOCKED
            ) AS due
            WHERE item.id = due.id
            RETURNING item.owner_id, item.id
            """,
            updates={"banking_item": ["next_sync_at"]},
        ),
    ]
