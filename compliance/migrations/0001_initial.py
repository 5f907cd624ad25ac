"""The function that names the current tenant, and the vault's data keys."""

from django.db import migrations, models

from compliance.isolation.migrations import IsolateByOwner

# Null, so that no row matches, when nobody is bound: a setting that was local to a transaction is '' after it.
CURRENT_TENANT = """
    CREATE FUNCTION app_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
        SET search_path = pg_catalog, pg_temp
        AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;
    REVOKE ALL ON FUNCTION app_tenant() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION app_tenant() TO app_rw, app_ops, app_lookup;
"""

# A site that could write here could make the next migration skip, or run twice.
PROTECT_HISTORY = "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM app_rw, app_ops"


def require_roles(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname IN ('app_rw', 'app_ops', 'app_lookup')")
        if cursor.fetchone() != (3,):
            raise RuntimeError("The database's roles are missing. Run `manage.py setup_database` first.")


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.RunPython(require_roles, migrations.RunPython.noop),
        migrations.RunSQL(CURRENT_TENANT, "DROP FUNCTION app_tenant()"),
        migrations.RunSQL(PROTECT_HISTORY, migrations.RunSQL.noop),
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
                        condition=models.Q(("active", True)),
                        fields=("owner",),
                        name="one_active_data_key_per_owner",
                    )
                ],
            },
        ),
        IsolateByOwner("DataKey", privileges=("SELECT", "INSERT", "DELETE")),
    ]
