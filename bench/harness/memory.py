"""Sync one Item as a worker does, and print the seconds and the peak memory in MB.

``python -m bench.harness.memory OWNER ITEM``
"""

import resource
import sys
import time
from pathlib import Path
from uuid import UUID

from banking.sync import sync_item

PROC_STATUS = Path("/proc/self/status")


def main() -> None:
    """Raises ``SystemExit`` if the sync did not run."""
    owner_id, item_id = map(UUID, sys.argv[1:])
    started = time.perf_counter()
    if not sync_item(owner_id=owner_id, item_id=item_id, trigger="bench").ran:
        raise SystemExit("The Item could not be synced.")
    print(round(time.perf_counter() - started, 2), round(measure_peak_bytes() / 1e6, 1))


def measure_peak_bytes() -> int:
    """Return the peak resident memory of this process in bytes."""
    if PROC_STATUS.exists():
        # On Linux ru_maxrss includes the parent's memory, which a forked process has until it executes its own program.
        fields = dict(line.split(":", 1) for line in PROC_STATUS.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
