from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task has to know of a reading: whether it took place, and in how many seconds to look again."""

    ran: bool
    again_in: int | None = None


BUSY = Outcome(ran=False)
