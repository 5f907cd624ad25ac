"""The public key of each receipt's signature."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compliance", "0009_export_notices")]

    operations = [
        migrations.AddField(
            model_name="erasurereceipt",
            name="public_key",
            field=models.CharField(default="", max_length=63),
            preserve_default=False,
        ),
    ]
