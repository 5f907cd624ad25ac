"""A person's own names of accounts, and whether each is in lists and totals."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("banking", "0015_bank_refresh")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="user_name",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
        migrations.AddField(
            model_name="account",
            name="inclusion",
            field=models.CharField(
                choices=[
                    ("counted", "Show it, and count it in totals"),
                    ("listed", "Show it, but leave it out of totals"),
                    ("hidden", "Hide it, and leave it out of totals"),
                ],
                db_default="counted",
                default="counted",
                max_length=7,
            ),
        ),
        migrations.AddField(model_name="account", name="edited_at", field=models.DateTimeField(null=True)),
    ]
