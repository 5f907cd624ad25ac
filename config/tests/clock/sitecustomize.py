"""Make ``time.sleep`` work under libfaketime, which breaks sleeping until an absolute time.

Python imports this module by its name because ``config.tests.clock`` puts its folder on PYTHONPATH.
"""

import os
import select
import time


def sleep(seconds: float) -> None:
    """Wait as ``time.sleep`` does, by a system call that takes a duration."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


if "FAKETIME" in os.environ:
    time.sleep = sleep
