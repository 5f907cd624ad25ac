"""When people were notified that their export is ready, and the question whom nobody has notified yet."""

import django.utils.timezone
from django.db import migrations, models

from compliance.isolation.migrations import DefinerFunction


class Migration(migrations.Migration):
    dependencies = [("compliance", "0008_retention")]

    operations = [
        # The people of all exports so far were notified, as far as anybody knows.
        migrations.AddField(
            model_name="dataexport",
            name="notified_at",
            field=models.DateTimeField(default=django.utils.timezone.now, null=True),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="dataexport",
            index=models.Index(
                condition=models.Q(("notified_at", None), ("state", "ready")),
                fields=["finished_at"],
                name="exports_to_notify_of",
            ),
        ),
        DefinerFunction(
            "compliance_unnotified_exports",
            "most integer",
            "TABLE (owner_id uuid, export_id uuid)",
            """
            SELECT export.owner_id, export.id FROM compliance_dataexport AS export
            WHERE export.state = 'ready' AND export.notified_at IS NULL AND export.expires_at > now()
              AND (export.leased_until IS NULL OR export.leased_until <= now())
            ORDER BY export.finished_at LIMIT most
            """,
        ),
    ]
