"""A bank is known from the moment it is linked, and what was chosen there until it is read."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("banking", "0015_snapshots_by_owner")]

    operations = [
        migrations.AlterField("institution", "fetched_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "linksession",
            "chosen",
            models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
    ]
