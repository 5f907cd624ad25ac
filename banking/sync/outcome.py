from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """The result of a sync for its task: whether it ran, and in how many seconds to run it again.

    ``new_rows_run_id`` is the run of whose rows the user may have to be notified. ``is_slow`` says that the next run
    belongs in the slow lane.
    """

    ran: bool
    run_again_in: int | None = None
    new_rows_run_id: UUID | None = None
    is_slow: bool = False


SKIPPED = SyncOutcome(ran=False)
