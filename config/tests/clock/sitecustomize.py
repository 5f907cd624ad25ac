"""Let Python sleep under libfaketime, which spoils the call that ``time.sleep`` makes (a clock and an absolute time).

Python reads this file by its name when its folder is on PYTHONPATH, as ``config.tests.clock`` puts it.
"""

import os
import select
import time


def sleep(seconds: float) -> None:
    """Wait as ``time.sleep`` does, by a call that takes how long."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


if "FAKETIME" in os.environ:
    time.sleep = sleep
