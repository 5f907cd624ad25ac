"""What the operators' site reads of the one person whose bank data an operator gave a reason to see."""

from django.db import migrations

from compliance.isolation.migrations import ShowOperators


class Migration(migrations.Migration):
    dependencies = [("banking", "0004_link_claims"), ("compliance", "0003_viewer")]

    operations = [
        ShowOperators(
            "banking.Item",
            columns=[
                "id", "owner_id", "institution_name", "environment", "connection", "readiness", "connected_at",
                "checked_at", "data_as_of", "removed_at", "failures", "error_code", "request_id", "next_sync_at",
            ],
        ),
        ShowOperators(
            "banking.Account",
            columns=[
                "id", "owner_id", "name", "mask", "type", "subtype", "current", "available", "limit", "currency",
                "balance_as_of", "closed_at",
            ],
        ),
        ShowOperators(
            "banking.Transaction",
            columns=[
                "id", "owner_id", "day", "name", "amount", "currency", "pending", "category", "removed_at",
            ],
        ),
        ShowOperators(
            "banking.SyncRun",
            columns=[
                "id", "owner_id", "item_id", "trigger", "result", "started_at", "finished_at", "pages", "written",
                "removed", "restarts", "error_code", "request_id",
            ],
        ),
    ]
