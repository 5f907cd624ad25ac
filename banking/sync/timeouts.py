"""How long a sync may take, so that a bank that does not answer never holds up the others."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from banking.provider import ProviderError, TimedOut


@dataclass(frozen=True, slots=True)
class SyncTimeouts:
    """Seconds that the provider has for each response, and for all responses of one sync."""

    response: float
    total: float

    def should_hand_over(self, error: ProviderError) -> bool:
        """Whether an error only means that the Item needs a worker with more time."""
        return self is QUICK_TIMEOUTS and isinstance(error, TimedOut)

    def were_needed(self, *, since: datetime) -> bool:
        """Whether a good sync that began at ``since`` took longer than the quick timeouts allow."""
        return self is LONG_TIMEOUTS and (timezone.now() - since).total_seconds() > QUICK_TIMEOUTS.response


# Where others wait for the same workers. Plaid answers most calls within a second.
QUICK_TIMEOUTS = SyncTimeouts(response=4, total=20)
# As long as Plaid may take, see banking/plaid/client.py, and less than Celery's limit for a job.
LONG_TIMEOUTS = SyncTimeouts(response=60, total=600)
