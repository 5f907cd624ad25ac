"""Write one export as a worker does, and print the memory: ``python -m bench.privacy.export_memory OWNER DIR``.

The process has written an export of a user without transactions before, so that what is loaded and cached once in each
worker is not counted.
"""

import sys
from uuid import UUID

from django.conf import settings

from bench.harness.database import get_new_user
from bench.harness.memory import measure_peak_bytes
from compliance.export import lifecycle
from compliance.export.building import build_export


def main() -> None:
    """Raises ``SystemExit`` if the export was not written."""
    owner_id, settings.EXPORT_DIR = UUID(sys.argv[1]), sys.argv[2]
    write_once(get_new_user().pk)
    before = measure_peak_bytes()
    write_once(owner_id)
    print(round((measure_peak_bytes() - before) / 2**20, 2))


def write_once(owner_id: UUID) -> None:
    export = lifecycle.request_export(owner_id=owner_id)
    if not build_export(owner_id=owner_id, export_id=export.pk):
        raise SystemExit("The export was not written.")
    lifecycle.delete_export(owner_id=owner_id, export_id=export.pk)


if __name__ == "__main__":
    main()
