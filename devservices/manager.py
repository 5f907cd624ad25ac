"""honcho's manager, whose processes exit with their programs even if the launcher was killed.

Each program has a process that reads its output and puts the lines into a queue. If the launcher is killed, nothing
reads the queue any more; once its pipe is full, honcho's own processes would block forever and ignore SIGTERM.
"""

import os
from typing import Any

from honcho.manager import Manager
from honcho.process import Process


class ProgramProcess(Process):  # type: ignore[misc]
    """Reads the output of one program, and sends it to the launcher as long as that is running."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.launcher = os.getpid()

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Start the program and read its output until it ends. Runs in its own process."""
        super().run(events, ignore_signals)
        if self.is_orphaned():
            events.cancel_join_thread()

    def is_orphaned(self) -> bool:
        """Whether the launcher has ended."""
        return os.getppid() != self.launcher

    def _send_message(self, data: Any, type: str = "line") -> None:
        if not self.is_orphaned():
            super()._send_message(data, type)


class ProgramManager(Manager):  # type: ignore[misc]
    """Starts each program with a ``ProgramProcess``."""

    def __init__(self, printer: Any) -> None:
        super().__init__(printer)
        self._process_ctor = ProgramProcess
