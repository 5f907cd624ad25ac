"""A person's parts of a transaction, which are rows of their own without a provider's id."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("banking", "0019_removed_tags"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(model_name="transaction", name="part_of", field=models.UUIDField(null=True)),
        migrations.AddField(
            model_name="transaction",
            name="entered_amount",
            field=models.DecimalField(decimal_places=10, max_digits=28, null=True),
        ),
        migrations.AlterField(
            model_name="transaction", name="provider_id", field=models.CharField(max_length=256, null=True)
        ),
        migrations.AlterField(
            model_name="transaction",
            name="replaced_by",
            field=models.CharField(
                blank=True,
                choices=[
                    ("posted", "The posted transaction"),
                    ("successor", "The same account, read anew"),
                    ("split", "Its parts"),
                ],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("part_of__isnull", False)), fields=["owner", "part_of"], name="parts_of_splits"
            ),
        ),
    ]
