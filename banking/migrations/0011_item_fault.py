from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep on whose side the last failure of an Item lies."""

    dependencies = [("banking", "0010_needs_repair")]

    operations = [
        migrations.AddField(
            model_name="item",
            name="fault",
            field=models.CharField(
                blank=True,
                choices=[("ours", "ours"), ("provider", "provider"), ("bank", "bank")],
                max_length=10,
            ),
        ),
    ]
