from django.db import migrations, models

# Nothing refers to these rows, so nothing needs the unique (owner, id) that a reference would point at.
UNREFERENCED = ("banking_transaction", "banking_balancesnapshot")


def without_owner_key(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_owner_key",
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_owner_key UNIQUE (owner_id, id)",
    )


class Migration(migrations.Migration):
    """Drop indexes that cost every synced row and answer no question."""

    dependencies = [("banking", "0002_isolation")]

    operations = [
        migrations.AlterField(
            model_name="account",
            name="item",
            field=models.ForeignKey(
                db_index=False, on_delete=models.CASCADE, related_name="accounts", to="banking.item"
            ),
        ),
        migrations.AlterField(
            model_name="balancesnapshot",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=models.CASCADE, related_name="snapshots", to="banking.account"
            ),
        ),
        migrations.AlterField(
            model_name="transaction",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=models.CASCADE, related_name="transactions", to="banking.account"
            ),
        ),
        *(without_owner_key(table) for table in UNREFERENCED),
    ]
