from dataclasses import dataclass
from uuid import UUID

from compliance.queues import Lane


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """The result of a sync for its task: whether it ran, and in how many seconds to run it again.

    ``new_rows_run_id`` is the run of whose rows the user may have to be notified. ``lane`` is that of the next run.
    """

    ran: bool
    run_again_in: int | None = None
    new_rows_run_id: UUID | None = None
    lane: Lane = Lane.SHARED


SKIPPED = SyncOutcome(ran=False)
