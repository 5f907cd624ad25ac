from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task has to know of a reading: whether it took place, and in how many seconds to look again.

    ``news`` is the run whose rows are news to the person, if there may be any. ``slow`` says that the next look takes
    workers that have time.
    """

    ran: bool
    again_in: int | None = None
    news: UUID | None = None
    slow: bool = False


BUSY = Outcome(ran=False)
