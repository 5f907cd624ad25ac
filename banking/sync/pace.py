"""How long a reading may take, so that no bank that does not answer holds up the others."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from banking.provider import ProviderError, TimedOut


@dataclass(frozen=True, slots=True)
class Pace:
    """How many seconds the provider has for each answer, and for all that one reading takes."""

    answer: float
    whole: float

    def gives_up(self, error: ProviderError) -> bool:
        """Whether an error says no more than that there are workers with more time."""
        return self is HURRIED and isinstance(error, TimedOut)

    def was_needed(self, *, since: datetime) -> bool:
        """Whether a good reading that began at ``since`` had to have more time than the hurried ones."""
        return self is PATIENT and (timezone.now() - since).total_seconds() > HURRIED.answer


# Where others wait for the same workers. Plaid answers most calls within a second.
HURRIED = Pace(answer=4, whole=20)
# As long as Plaid may think, see banking/plaid/client.py, and less than Celery gives a job.
PATIENT = Pace(answer=60, whole=600)
