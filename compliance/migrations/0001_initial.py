"""The vault's data keys and the consent ledger."""

from django.db import migrations, models

import compliance.isolation.models
import compliance.vault.fields


ROLES = ["app_rw", "app_ops", "app_lookup", "app_viewer", "audit_owner"]


def require_roles(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [ROLES])
        if cursor.fetchone() != (len(ROLES),):
            raise RuntimeError("The database's roles are missing. Run `manage.py setup_database` first.")


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunPython(require_roles, migrations.RunPython.noop),
        migrations.CreateModel(
            name="ConsentEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("owner", models.UUIDField(editable=False)),
                ("kind", models.CharField(choices=[("granted", "Granted"), ("withdrawn", "Withdrawn")], max_length=10)),
                ("purpose", models.CharField(max_length=20)),
                ("version", models.CharField(max_length=40)),
                ("sha256", models.CharField(max_length=64)),
                ("text", models.TextField(blank=True)),
                ("signature", compliance.vault.fields.SealedTextField(null=True, owner="owner")),
                ("scope", models.JSONField(default=dict)),
                ("locale", models.CharField(max_length=20)),
                ("method", models.CharField(max_length=20)),
                ("request", compliance.vault.fields.SealedTextField(null=True, owner="owner")),
                ("at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("withdraws", models.UUIDField(null=True)),
            ],
            options={
                "ordering": ["-at", "-id"],
                "indexes": [
                    models.Index(
                        models.F("owner"),
                        models.F("purpose"),
                        models.OrderBy(models.F("at"), descending=True),
                        name="newest_consent",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("withdraws",), name="one_withdrawal_per_consent"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                models.Q(("expires_at", None), ("expires_at__gt", models.F("at")), _connector="OR"),
                                ("kind", "granted"),
                                ("withdraws", None),
                            ),
                            models.Q(
                                ("expires_at", None), ("kind", "withdrawn"), ("text", ""), ("withdraws__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="granted_or_withdrawn",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "granted"), ("purpose", "credit_report"), _negated=True),
                            ("expires_at__isnull", False),
                            _connector="OR",
                        ),
                        name="credit_report_expires",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DataKey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("owner", models.UUIDField()),
                ("kek", models.CharField(db_index=True, max_length=63)),
                ("wrapped", models.BinaryField()),
                ("active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("active", True)), fields=("owner",), name="one_active_data_key_per_owner"
                    )
                ]
            },
        ),
    ]
