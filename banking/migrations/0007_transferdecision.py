"""Users' decisions about what is a transfer, and their row-level security."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import IsolateByOwner


class Migration(migrations.Migration):
    dependencies = [("banking", "0006_lost_links")]

    operations = [
        migrations.CreateModel(
            name="TransferDecision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
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
                ("money_out", models.UUIDField()),
                ("money_in", models.UUIDField()),
                ("is_transfer", models.BooleanField()),
                ("decided_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("owner", "money_out", "money_in"), name="one_decision_per_transfer"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_transfer", True)),
                        fields=("owner", "money_out"),
                        name="one_decided_transfer_out",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_transfer", True)),
                        fields=("owner", "money_in"),
                        name="one_decided_transfer_in",
                    ),
                ],
            },
        ),
        IsolateByOwner("TransferDecision", owner_key=False),
    ]
