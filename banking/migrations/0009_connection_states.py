"""When the access to a bank ends, why it gives none, new accounts there, and the status of each product of an Item."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import DefinerFunction, IsolateByOwner, OwnedReference


class Migration(migrations.Migration):
    dependencies = [("banking", "0008_webhooks")]

    operations = [
        migrations.AddField(
            model_name="item",
            name="error_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=100),
        ),
        migrations.AddField(model_name="item", name="expires_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="item",
            name="expiry_reason",
            field=models.CharField(
                blank=True,
                choices=[("consent", "Consent"), ("migration", "Migration"), ("bank_access", "Bank Access")],
                db_default="",
                default="",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="item", name="expiry_reminder", field=models.PositiveSmallIntegerField(null=True)
        ),
        migrations.AddField(model_name="item", name="new_accounts_at", field=models.DateTimeField(null=True)),
        migrations.AddIndex(
            model_name="item",
            index=models.Index(
                condition=models.Q(("connection", "active"), ("expires_at__isnull", False)),
                fields=["expires_at"],
                name="items_expiring",
            ),
        ),
        migrations.AddField(
            model_name="linksession",
            name="selects_accounts",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name="ItemProduct",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
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
                (
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="product_states",
                        to="banking.item",
                    ),
                ),
                (
                    "product",
                    models.CharField(
                        choices=[
                            ("transactions", "Transactions"),
                            ("liabilities", "Liabilities"),
                            ("recurring", "Recurring"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("unsupported", "Unsupported"),
                            ("not_consented", "Not Consented"),
                            ("pending", "Pending"),
                            ("ready", "Ready"),
                            ("error", "Error"),
                        ],
                        default="pending",
                        max_length=15,
                    ),
                ),
                ("error_code", models.CharField(blank=True, max_length=100)),
                ("checked_at", models.DateTimeField(null=True)),
                ("last_ok_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("item", "product"), name="one_row_per_product_of_item")
                ],
            },
        ),
        IsolateByOwner("ItemProduct", owner_key=False),
        OwnedReference("ItemProduct", "item"),
        DefinerFunction(
            "banking_due_expiry_reminders",
            "provider text, environment text, at timestamptz, most integer",
            "TABLE (owner_id uuid, item_id uuid)",
            # A week and a day before the access ends, each once. After that, an error of the provider says so.
            """
            SELECT item.owner_id, item.id FROM banking_item AS item
            WHERE item.connection = 'active' AND item.provider = $1 AND item.environment = $2
              AND item.expires_at > at AND item.expires_at <= at + interval '7 days'
              AND (item.expiry_reminder IS NULL
                   OR item.expiry_reminder > 1 AND item.expires_at <= at + interval '1 day')
              AND EXISTS (SELECT FROM accounts_user WHERE id = item.owner_id AND is_active AND deleted_at IS NULL)
            ORDER BY item.expires_at LIMIT most
            """,
        ),
    ]
