"""Which tags a person took off a transaction, so that no rule puts them on again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("banking", "0018_webhooks_lane")]

    operations = [
        migrations.AddField(
            model_name="transactiontag", name="is_removed", field=models.BooleanField(db_default=False, default=False)
        ),
    ]
