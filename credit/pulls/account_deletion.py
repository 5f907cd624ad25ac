"""What the deletion of a user's account means for credit reports: a pull in progress ends first.

No pull starts for an account that is scheduled for deletion (``accounts.users.processing``). If the user cancels the
deletion, pulls go on when they are due.
"""

from collections.abc import Mapping
from uuid import UUID

from django.utils import timezone

from compliance.personal_data.processors import ErasureDelayed
from credit.models import AttemptStatus, Enrollment, PullAttempt
from credit.statuses import ATTEMPT_TIMEOUT


def prepare_erasure(owner_id: UUID) -> Mapping[str, int]:
    """Wait for a transaction that stores a report. Raises ``ErasureDelayed`` during a call of the bureau."""
    Enrollment.objects.for_user(owner_id).select_for_update(of=["self"]).first()
    pending = PullAttempt.objects.for_user(owner_id).filter(status=AttemptStatus.PENDING)
    if pending.filter(started_at__gt=timezone.now() - ATTEMPT_TIMEOUT).exists():
        raise ErasureDelayed("A credit report is being requested.")
    return {}
