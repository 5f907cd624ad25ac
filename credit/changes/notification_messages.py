"""What notifications about changes say: the same as the page of changes."""

from typing import ClassVar

from accounts.notifications.messages import MessageText, NotificationMessage, register_message
from credit.changes.descriptions import describe_change
from credit.diffing import Change


@register_message
class CreditChangeMessage(NotificationMessage, frozen=True):
    """A change between two credit reports.

    ``Change`` is stored with it, and unlike a report's changes cannot be made again: a field of another name or type
    leaves older notifications with no more than the label of their type.
    """

    code: ClassVar[str] = "credit_change"
    change: Change

    def describe(self) -> MessageText:
        """Say what changed."""
        return MessageText(*describe_change(self.change))
