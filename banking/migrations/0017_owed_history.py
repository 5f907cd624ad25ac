"""What a worker has still to do with the history of an Item that was let go while rows were stored."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("banking", "0016_new_bank")]

    operations = [
        migrations.AddField(
            "pendingremoval",
            "history",
            models.CharField(
                blank=True, choices=[("keep", "Keep"), ("delete", "Delete")], db_default="", default="", max_length=6
            ),
        ),
    ]
