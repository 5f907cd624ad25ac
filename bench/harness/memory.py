"""Read one Item as a worker would, and print the peak in MB: ``python -m bench.harness.memory OWNER ITEM``."""

import resource
import sys
from pathlib import Path
from uuid import UUID

from banking.sync import sync_item

KERNELS_OWN_ACCOUNT = Path("/proc/self/status")


def main() -> None:
    """Raises ``SystemExit`` when the reading did not take place."""
    owner_id, item_id = map(UUID, sys.argv[1:])
    if not sync_item(owner_id=owner_id, item_id=item_id, trigger="bench").ran:
        raise SystemExit("The Item could not be read.")
    print(round(peak_bytes() / 1e6, 1))


def peak_bytes() -> int:
    """The most memory that this process has held at once."""
    if KERNELS_OWN_ACCOUNT.exists():
        # Linux's ru_maxrss counts the parent too, whose memory a process has until it begins its own program.
        facts = dict(line.split(":", 1) for line in KERNELS_OWN_ACCOUNT.read_text().splitlines())
        return int(facts["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
