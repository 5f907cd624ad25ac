"""The message of notifications about changes, with the same text as the page of changes."""

from typing import ClassVar

from accounts.notifications.messages import MessageText, NotificationMessage, register_message
from credit.changes.descriptions import describe_change
from credit.diffing import Change


@register_message
class CreditChangeMessage(NotificationMessage, frozen=True):
    """A change between two credit reports.

    The ``Change`` is stored in the notification and, unlike the changes of a report, cannot be created again. If a
    field is renamed or changes its type, older notifications show only the label of their type.
    """

    code: ClassVar[str] = "credit_change"
    change: Change

    def describe(self) -> MessageText:
        """Return the description of the change."""
        return MessageText(*describe_change(self.change))
