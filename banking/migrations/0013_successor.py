"""Which account the same real account is read under now."""

import django.db.models.deletion
from django.db import migrations, models

from compliance.isolation.migrations import OwnedReference


class Migration(migrations.Migration):
    dependencies = [("banking", "0012_link_outcomes")]

    operations = [
        migrations.AddField(model_name="account", name="succeeded_on", field=models.DateField(null=True)),
        migrations.AddField(
            model_name="account",
            name="successor",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="predecessors",
                to="banking.account",
            ),
        ),
        OwnedReference("Account", "successor"),
        migrations.AlterField(
            model_name="transaction",
            name="replaced_by",
            field=models.CharField(
                blank=True,
                choices=[("posted", "The posted transaction"), ("successor", "The same account, read anew")],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
    ]
