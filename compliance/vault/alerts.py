"""Reports sealed values that cannot be decrypted: to users on the page, to operators in the log."""

import logging
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_lazy

from compliance.vault.errors import KeyStillUnreadable, SealError

logger = logging.getLogger(__name__)

UNREADABLE: Final = gettext_lazy("Cannot be read")
"""What a page shows in place of the value."""


def report_unreadable(column: str, *, row: object, owner: UUID | str, error: SealError) -> None:
    """Write the log line that alerts operators: column, row, owner and reason, without the value.

    ``column`` is written like ``banking.item.access_token``. Of the values under one data key that cannot be unwrapped,
    only the first in a minute gets a line.
    """
    if isinstance(error, KeyStillUnreadable):
        return
    logger.critical("SEALED_VALUE_UNREADABLE %s row %s owner %s: %s", column, row, owner, error)
