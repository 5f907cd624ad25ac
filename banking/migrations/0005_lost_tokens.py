"""Removals whose token was lost stay for operators, without a token and without another attempt."""

import django.utils.timezone
from django.db import migrations, models

import compliance.vault.fields


class Migration(migrations.Migration):
    dependencies = [("banking", "0004_totals")]

    operations = [
        migrations.AlterField(
            model_name="orphanedremoval",
            name="access_token",
            field=compliance.vault.fields.SealedTextField(null=True, owner="owner"),
        ),
        migrations.AlterField(
            model_name="orphanedremoval",
            name="next_attempt_at",
            field=models.DateTimeField(default=django.utils.timezone.now, null=True),
        ),
    ]
