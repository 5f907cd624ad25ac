"""Delete old runs of syncs, as the retention page says."""

from datetime import timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from banking.models import SyncRun
from compliance.isolation import tenant

KEPT_FOR: Final = timedelta(days=90)
ITEMS_WITH_OLD_RUNS: Final = "SELECT owner_id, item_id FROM banking_items_with_old_runs(%s, %s)"


def delete_old_runs(*, limit: int) -> int:
    """Delete the old runs of up to ``limit`` Items, and return how many there were.

    The last successful run of an Item stays: later syncs compare with it.
    """
    before, deleted = timezone.now() - KEPT_FOR, 0
    with connection.cursor() as cursor:
        cursor.execute(ITEMS_WITH_OLD_RUNS, [before, limit])
        items = cursor.fetchall()
    for owner_id, item_id in items:
        with tenant(owner_id):
            runs = SyncRun.objects.filter(item=item_id)
            succeeded = runs.filter(result=SyncRun.Result.OK).order_by("-started_at")
            last = list(succeeded.values_list("pk", flat=True)[:1])
            deleted += runs.filter(started_at__lt=before).exclude(pk__in=last).delete()[0]
    return deleted
