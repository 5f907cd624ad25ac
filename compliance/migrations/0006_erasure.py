"""The receipts of erasures, which are never changed, and the count of consents, which leaves out who was erased."""

from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import DefinerFunction, IsolateByOwner


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_audit_pages")]

    operations = [
        migrations.CreateModel(
            name="ErasureReceipt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("owner", models.UUIDField(editable=False, unique=True)),
                ("erased_at", models.DateTimeField()),
                ("document", models.TextField()),
                ("key_id", models.CharField(max_length=63)),
                ("signature", models.BinaryField()),
            ],
        ),
        IsolateByOwner("ErasureReceipt", privileges=("SELECT", "INSERT"), owner_key=False),
        # For operators: how many users a text is in force for, without naming one. Who was erased is no user any more.
        DefinerFunction(
            "compliance_consent_counts",
            "",
            "TABLE (purpose text, version text, active bigint, ended bigint)",
            """
            SELECT last.purpose::text, last.version::text, count(*) FILTER (WHERE last.is_active),
                   count(*) FILTER (WHERE NOT last.is_active)
            FROM (
                -- The last event of each user for each purpose decides.
                SELECT DISTINCT ON (event.owner, event.purpose) event.purpose, event.version,
                       event.kind = 'granted' AND coalesce(event.expires_at > now(), true) AS is_active
                FROM compliance_consentevent AS event
                WHERE NOT EXISTS (SELECT FROM compliance_erasurereceipt AS receipt WHERE receipt.owner = event.owner)
                ORDER BY event.owner, event.purpose, event.at DESC, event.id DESC
            ) AS last
            GROUP BY last.purpose, last.version
            """,
        ),
    ]
