"""The messages of notifications: stored as a code and values, and translated when shown.

Each app declares its messages as subclasses of ``NotificationMessage``, in a module that its ``AppConfig.ready``
imports: any process may have to show a notification of any app.
"""

from typing import ClassVar, NamedTuple, TypeVar

import msgspec
from django.core.exceptions import ImproperlyConfigured


class MessageText(NamedTuple):
    """The text of a notification in the active language: a complete title, and an optional second line."""

    title: str
    text: str = ""


class NotificationMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values of one message: amounts as ``Decimal`` beside their currency, dates, names, codes.

    ``code`` and the names of fields are stored; never change or reuse one. A field that is added later needs a default.
    If a field is removed, messages that were stored with it are not decoded: without it their text could be wrong.
    """

    code: ClassVar[str]

    def describe(self) -> MessageText:
        """Return the text of the message, in the active language."""
        raise NotImplementedError


class UnknownMessage(Exception):
    """This version has no message with that code, or not with these values. The error does not contain them."""


Message = TypeVar("Message", bound=NotificationMessage)

_messages: dict[str, type[NotificationMessage]] = {}


def register_message(message: type[Message]) -> type[Message]:
    """Register a message by its code. Raises ``ImproperlyConfigured`` for a code that another message has."""
    if message.code in _messages:
        raise ImproperlyConfigured(f"Two notification messages have the code {message.code!r}.")
    _messages[message.code] = message
    return message


def list_messages() -> list[type[NotificationMessage]]:
    """List the messages of all apps."""
    return list(_messages.values())


def encode_values(message: NotificationMessage) -> str:
    """Encode a message's values as JSON."""
    return msgspec.json.encode(message).decode()


def decode_message(code: str, values: str) -> NotificationMessage:
    """Decode the result of ``encode_values``. Raises ``UnknownMessage``."""
    message = _messages.get(code)
    if message is not None:
        # Raised outside the handler, because a decoding error as context would keep a part of the values.
        try:
            return msgspec.json.decode(values, type=message)
        except msgspec.MsgspecError:
            pass
    raise UnknownMessage(code)
