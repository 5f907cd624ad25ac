"""The receipts of erasures, which are never changed."""

from django.db import migrations, models

import compliance.isolation.models
from compliance.isolation.migrations import IsolateByOwner


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_audit_pages")]

    operations = [
        migrations.CreateModel(
            name="ErasureReceipt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("owner", models.UUIDField(editable=False, unique=True)),
                ("erased_at", models.DateTimeField()),
                ("document", models.TextField()),
                ("key_id", models.CharField(max_length=63)),
                ("signature", models.BinaryField()),
            ],
        ),
        IsolateByOwner("ErasureReceipt", privileges=("SELECT", "INSERT"), owner_key=False),
    ]
