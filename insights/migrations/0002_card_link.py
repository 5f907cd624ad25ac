"""Which card at a bank a person says is which account in their credit report."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import IsolateByOwner, OwnedReference


class Migration(migrations.Migration):
    dependencies = [("insights", "0001_low_runway"), ("banking", "0002_isolation")]

    operations = [
        migrations.CreateModel(
            name="CardLink",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(max_length=80)),
                ("same", models.BooleanField()),
                ("said_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="banking.account",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "key"), name="one_word_per_pair"),
                    models.UniqueConstraint(
                        condition=models.Q(("same", True)), fields=("account",), name="one_account_per_card"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("same", True)), fields=("owner", "key"), name="one_card_per_account"
                    ),
                ],
            },
        ),
        IsolateByOwner("CardLink"),
        OwnedReference("CardLink", "account"),
    ]
