"""A notification message that shows its values, for tests that need no particular app's message."""

from typing import ClassVar

from accounts.notifications.messages import MessageText, NotificationMessage, register_message


@register_message
class PlainMessage(NotificationMessage, frozen=True):
    """Shows the given title and text."""

    code: ClassVar[str] = "test_plain"
    title: str
    text: str = ""

    def describe(self) -> MessageText:
        """Return the given title and text."""
        return MessageText(self.title, self.text)
