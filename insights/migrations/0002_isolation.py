"""Row-level security, and the scheduler's question about everybody: whose banks are checked in this hour."""

from django.db import migrations

from compliance.isolation.migrations import DefinerFunction, IsolateByOwner, OwnedReference


class Migration(migrations.Migration):
    dependencies = [("insights", "0001_initial"), ("banking", "0002_isolation"), ("compliance", "0002_isolation")]

    operations = [
        IsolateByOwner("LowRunway"),
        IsolateByOwner("CardLink"),
        OwnedReference("CardLink", "account"),
        DefinerFunction(
            "insights_owners_due",
            "hour integer, after uuid, most integer",
            "TABLE (owner_id uuid)",
            # Everybody has one hour of the day, so that the work is spread over all hours.
            """
            SELECT DISTINCT item.owner_id FROM banking_item AS item
            WHERE item.connection = 'active' AND item.owner_id > after
              AND (hashtext(item.owner_id::text) % 24 + 24) % 24 = hour
              AND EXISTS (SELECT FROM accounts_user WHERE id = item.owner_id AND is_active AND deleted_at IS NULL)
            ORDER BY item.owner_id LIMIT most
            """,
        ),
    ]
