"""The job queue's way to Redis: which database, how long it waits, and what becomes of a message that is none."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from queue import Empty
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from kombu.exceptions import DecodeError
from kombu.transport import TRANSPORT_ALIASES, redis, virtual

from config.cache import asking

logger = logging.getLogger(__name__)

# In seconds, for whoever puts a job in the queue: a person may be waiting.
WAITS: Final = {"socket_connect_timeout": 1, "socket_timeout": 1}
# For a worker, which asks for a job for a second at a time and has time to wait for a Redis that is busy.
WORKERS_WAITS: Final = {"socket_connect_timeout": 5, "socket_timeout": 10}


def broker_url(redis_url: str) -> str:
    """Write Redis's address as kombu reads it: the scheme of a unix socket, and the database's number."""
    parts = urlsplit(redis_url)
    scheme, path, query = parts.scheme, parts.path, dict(parse_qsl(parts.query))
    number = query.pop("db", "")
    if scheme == "unix":
        scheme = "redis+socket"
        query |= {"virtual_host": number} if number else {}
    elif number:
        path = f"/{number}"
    # Not by urlunsplit, which leaves the slashes out where there is no host.
    return f"{scheme}://{parts.netloc}{path}{'?' if query else ''}{urlencode(query)}"


class DamagedMessage(ValueError):
    """What came out of the queue has not the shape of a message."""


class ParsedMessage(virtual.Message):  # type: ignore[misc]
    """A message with all by which kombu keeps it, and Celery a job."""

    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        try:
            super().__init__(payload, channel=channel, **kwargs)
            if not (self.has_envelope() and self.has_job()):
                raise DamagedMessage
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError, DecodeError) as error:
            raise DamagedMessage from error

    def has_envelope(self) -> bool:
        """Whether it says how it is written, as ours are, and which way it came."""
        way = [self.delivery_tag, self.delivery_info["exchange"], self.delivery_info["routing_key"]]
        written = self.content_type, self.content_encoding
        return written == ("application/json", "utf-8") and all(isinstance(name, str) for name in way)

    def has_job(self) -> bool:
        """Whether it names a job with all its parts, if it names any; what Celery says to its workers names none."""
        if "task" not in self.headers:
            return isinstance(self.payload, dict)
        arguments, named, _ = self.payload
        names = [self.headers["task"], self.headers["id"]]
        return isinstance(arguments, list) and isinstance(named, dict) and all(isinstance(name, str) for name in names)


@contextmanager
def dropping_damaged() -> Iterator[None]:
    """Read one message. Raises ``Empty``, as if there were none, for what is none; it has left the queue by then."""
    try:
        yield
    except (JSONDecodeError, UnicodeDecodeError, RecursionError, DamagedMessage):
        # Nothing of it is repeated: it may be anything.
        logger.error("A message in the queue could not be read and was dropped.")
        raise Empty from None


class SafeRedisChannel(redis.Channel):  # type: ignore[misc]
    """Drops what is no message, and says so; kombu would end the worker, and the next one."""

    Message = ParsedMessage

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Its first question is whether Redis is there.
        with asking():
            super().__init__(*args, **kwargs)

    def _put(self, *args: Any, **kwargs: Any) -> None:
        with asking():
            super()._put(*args, **kwargs)

    def _brpop_read(self, **options: Any) -> Any:
        with dropping_damaged():
            return super()._brpop_read(**options)  # type: ignore[misc]

    def _receive_one(self, *args: Any) -> Any:
        with dropping_damaged():
            return super()._receive_one(*args)  # type: ignore[misc]


class SafeRedisTransport(redis.Transport):  # type: ignore[misc]
    """kombu's Redis with that channel."""

    Channel = SafeRedisChannel


# By name, because kombu understands a unix socket's address only where it has chosen the transport by the scheme.
TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:SafeRedisTransport"))
