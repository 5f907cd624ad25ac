"""An Item whose token cannot be read needs repair: it is linked anew, and what it owes the provider is kept."""

import django.db.models.deletion
from django.db import migrations, models

import compliance.vault.fields
from compliance.isolation.migrations import OwnedReference


class Migration(migrations.Migration):
    dependencies = [("banking", "0009_replaced")]

    operations = [
        migrations.AlterField(
            model_name="item",
            name="connection",
            field=models.CharField(
                choices=[
                    ("active", "Connected"),
                    ("login_required", "Sign-in needed"),
                    ("needs_consent", "Consent needed"),
                    ("needs_repair", "Needs repair"),
                    ("revoked", "Access withdrawn"),
                    ("unsupported", "Not supported"),
                    ("removing", "Disconnecting"),
                    ("removed", "Disconnected"),
                ],
                default="active",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="pendingremoval",
            name="access_token",
            field=compliance.vault.fields.SealedTextField(null=True),
        ),
        migrations.AddField(
            model_name="linksession",
            name="replaces",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="banking.item"
            ),
        ),
        OwnedReference("LinkSession", "replaces"),
    ]
