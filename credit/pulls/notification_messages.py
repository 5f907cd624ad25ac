"""The messages of notifications about pulls."""

from typing import ClassVar

from accounts.notifications.messages import MessageText, NotificationMessage, register_message
from credit.presentation.status_messages import STATUS_MESSAGES
from credit.statuses import EnrollmentStatus


@register_message
class PullsStoppedMessage(NotificationMessage, frozen=True):
    """Scheduled pulls have stopped until the user acts. ``status`` says why."""

    code: ClassVar[str] = "pulls_stopped"
    status: EnrollmentStatus

    def describe(self) -> MessageText:
        """Return the text of the status page."""
        return MessageText(str(STATUS_MESSAGES[self.status].title))
