"""Why a row that is kept does not count any more, and the indexes that each reading asks."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("banking", "0008_due_times"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="transaction",
            name="replaced_by",
            field=models.CharField(
                blank=True, choices=[("posted", "The posted transaction")], db_default="", default="", max_length=10
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(
                    models.Q(("pending", True), ("removed_at", None)), ("replaced_by", "posted"), _connector="OR"
                ),
                fields=["account"],
                name="pending_of_account",
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("pending_id", ""), _negated=True),
                fields=["account", "pending_id"],
                name="posted_for_pending",
            ),
        ),
    ]
