"""A server that did not answer a moment ago: whoever asks next is refused at once, for all would wait in vain."""

import time


class Silence:
    """Remembers for some seconds that this process has waited in vain."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.since: float | None = None

    def begin(self) -> None:
        """Note that somebody has waited in vain just now."""
        self.since = time.monotonic()

    def end(self) -> None:
        """Forget it: the server may be asked again."""
        self.since = None

    def is_fresh(self) -> bool:
        """Whether there is no use in asking yet."""
        return self.since is not None and time.monotonic() - self.since < self.seconds
