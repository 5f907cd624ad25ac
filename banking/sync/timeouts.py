"""How long a sync may take, so that a bank that does not respond never delays the others."""

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
        """Whether an error only means that the Item needs the slow lane."""
        return self is QUICK_TIMEOUTS and isinstance(error, TimedOut)

    def were_needed(self, *, since: datetime) -> bool:
        """Whether a successful sync that began at ``since`` took longer than the quick timeouts allow."""
        return self is LONG_TIMEOUTS and (timezone.now() - since).total_seconds() > QUICK_TIMEOUTS.response


# For lanes in which other tasks wait. Plaid responds to most calls within a second.
QUICK_TIMEOUTS = SyncTimeouts(response=4, total=20)
# As long as Plaid may take, see banking/plaid/client.py, and less than Celery's limit for a job.
LONG_TIMEOUTS = SyncTimeouts(response=60, total=600)
