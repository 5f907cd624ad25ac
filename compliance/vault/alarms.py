"""A sealed value that cannot be read: what its row says, and what an operator is told."""

import logging
from typing import Final
from uuid import UUID

from compliance.vault.sealing import SealError

logger = logging.getLogger(__name__)

UNREADABLE: Final = "Cannot be read"
"""What stands on a page in the place of the value."""


def tell_unreadable(column: str, *, row: object, owner: UUID | str, error: SealError) -> None:
    """Write the line that operators are alerted by: which value of whose, and why, with ids alone.

    ``column`` is written like ``banking.item.access_token``.
    """
    logger.critical("SEALED_VALUE_UNREADABLE %s row %s owner %s: %s", column, row, owner, error)
