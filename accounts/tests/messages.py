"""A notification's message whose words are its values, for tests that care about no app's messages."""

from typing import ClassVar

from accounts.notifications.messages import MessageText, NotificationMessage, register_message


@register_message
class PlainMessage(NotificationMessage, frozen=True):
    """Says what it is given."""

    code: ClassVar[str] = "test_plain"
    title: str
    text: str = ""

    def describe(self) -> MessageText:
        """Say it."""
        return MessageText(self.title, self.text)
