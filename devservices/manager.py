"""honcho's manager, whose processes end with their programs although whoever started them was killed.

Each program has a process that reads its output and puts the lines into a queue. When the launcher is killed, nobody
empties the queue: what does not fit into its pipe would keep these processes for ever, deaf to SIGTERM.
"""

import os
from typing import Any

from honcho.manager import Manager
from honcho.process import Process


class ProgramProcess(Process):  # type: ignore[misc]
    """Reads the output of one program, and passes it on while there is somebody to take it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.launcher = os.getpid()

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Start the program and read until it has ended, in a process of its own."""
        super().run(events, ignore_signals)
        if self.is_orphaned():
            events.cancel_join_thread()

    def is_orphaned(self) -> bool:
        """Say whether the launcher is gone."""
        return os.getppid() != self.launcher

    def _send_message(self, data: Any, type: str = "line") -> None:
        if not self.is_orphaned():
            super()._send_message(data, type)


class ProgramManager(Manager):  # type: ignore[misc]
    """Starts such processes."""

    def __init__(self, printer: Any) -> None:
        super().__init__(printer)
        self._process_ctor = ProgramProcess
