"""Removals of Items whose token never arrived have the ids by which the provider's support finds them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("banking", "0005_lost_tokens")]

    operations = [
        migrations.AddField(
            model_name="orphanedremoval",
            name="link_session_id",
            field=models.CharField(blank=True, db_default="", default="", max_length=100),
        ),
        migrations.AddField(
            model_name="orphanedremoval",
            name="request_id",
            field=models.CharField(blank=True, db_default="", default="", max_length=100),
        ),
        migrations.AlterField(
            model_name="orphanedremoval",
            name="provider_item_id",
            field=models.CharField(blank=True, max_length=100),
        ),
    ]
