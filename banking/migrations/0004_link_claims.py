from django.db import migrations, models

import compliance.vault.fields


class Migration(migrations.Migration):
    """Note when a LinkSession was claimed, and keep the token of a dialog that a bank's own page interrupts."""

    dependencies = [("banking", "0003_lean_indexes")]

    operations = [
        migrations.AddField(model_name="linksession", name="claimed_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="linksession", name="link_token", field=compliance.vault.fields.SealedTextField(null=True)
        ),
    ]
