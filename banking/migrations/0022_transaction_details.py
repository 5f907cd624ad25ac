"""What banks say of a transaction beyond its amount and name. No column rewrites the table."""

from django.db import migrations, models

NO_COUNTERPARTIES = models.Value([], output_field=models.JSONField())


class Migration(migrations.Migration):
    dependencies = [("banking", "0021_unstored_rows")]

    operations = [
        migrations.AddField(
            "transaction", "original_description", models.CharField(blank=True, db_default="", default="")
        ),
        migrations.AddField("transaction", "posted_at", models.DateTimeField(null=True)),
        migrations.AddField("transaction", "authorized_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "transaction", "counterparties", models.JSONField(blank=True, db_default=NO_COUNTERPARTIES, default=list)
        ),
    ]
