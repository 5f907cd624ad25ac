from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What a task has to know of a sync: whether it ran, and in how many seconds to run it again.

    ``new_rows_run_id`` is the run whose rows may be news to the user. ``is_slow`` says that the next run belongs to the
    workers with more time.
    """

    ran: bool
    run_again_in: int | None = None
    new_rows_run_id: UUID | None = None
    is_slow: bool = False


SKIPPED = SyncOutcome(ran=False)
