"""What notifications say: a message is stored as a code and its values, and put into words when it is shown.

Each app declares its messages as subclasses of ``NotificationMessage``, in a module that its ``AppConfig.ready``
imports: any process may have to show a notification of any app.
"""

from typing import ClassVar, NamedTuple, TypeVar

import msgspec
from django.core.exceptions import ImproperlyConfigured


class MessageText(NamedTuple):
    """What a notification says in the reader's language: a complete title, and one more line or none."""

    title: str
    text: str = ""


class NotificationMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values of one message: amounts as ``Decimal`` beside their currency, dates, names, codes.

    ``code`` and the names of fields are stored; never change or reuse one. A field that is added later needs a default.
    Stored values of a field that is gone are not read: their message might say something wrong without it.
    """

    code: ClassVar[str]

    def describe(self) -> MessageText:
        """Put the message into words, in the active language."""
        raise NotImplementedError


class UnknownMessage(Exception):
    """This version has no message of that code, or not with these values. Carries nothing of them."""


Message = TypeVar("Message", bound=NotificationMessage)

_messages: dict[str, type[NotificationMessage]] = {}


def register_message(message: type[Message]) -> type[Message]:
    """Make a message known by its code. Raises ``ImproperlyConfigured`` for a code that another message has."""
    if message.code in _messages:
        raise ImproperlyConfigured(f"Two notification messages have the code {message.code!r}.")
    _messages[message.code] = message
    return message


def list_messages() -> list[type[NotificationMessage]]:
    """List the messages of all apps."""
    return list(_messages.values())


def encode_values(message: NotificationMessage) -> str:
    """Write a message's values as JSON."""
    return msgspec.json.encode(message).decode()


def decode_message(code: str, values: str) -> NotificationMessage:
    """Read what ``encode_values`` wrote. Raises ``UnknownMessage``."""
    message = _messages.get(code)
    if message is not None:
        # What fails is raised outside, where no decoding error keeps a part of the values.
        try:
            return msgspec.json.decode(values, type=message)
        except msgspec.MsgspecError:
            pass
    raise UnknownMessage(code)
