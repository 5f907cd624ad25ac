"""Celery's broker in Redis: its URL, its timeouts, and a transport that drops invalid messages."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from json import JSONDecodeError
from queue import Empty
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from kombu.exceptions import DecodeError
from kombu.transport import TRANSPORT_ALIASES, redis, virtual

from config.cache import call_redis

logger = logging.getLogger(__name__)

# In seconds, for processes that queue a job, because a user may be waiting.
WAITS: Final = {"socket_connect_timeout": 1, "socket_timeout": 1}
# For a worker, which polls for a second at a time and can wait for a busy Redis.
WORKERS_WAITS: Final = {"socket_connect_timeout": 5, "socket_timeout": 10}


def broker_url(redis_url: str) -> str:
    """Return the URL of Redis as kombu expects it: Unix sockets and database numbers are written differently."""
    parts = urlsplit(redis_url)
    scheme, path, query = parts.scheme, parts.path, dict(parse_qsl(parts.query))
    number = query.pop("db", "")
    if scheme == "unix":
        scheme = "redis+socket"
        query |= {"virtual_host": number} if number else {}
    elif number:
        path = f"/{number}"
    # urlunsplit would omit the slashes of a URL without a host.
    return f"{scheme}://{parts.netloc}{path}{'?' if query else ''}{urlencode(query)}"


class DamagedMessage(ValueError):
    """An entry of the queue is not a valid message."""


class ParsedMessage(virtual.Message):  # type: ignore[misc]
    """A message that has every field that kombu and Celery need."""

    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        try:
            super().__init__(payload, channel=channel, **kwargs)
            if not (self.has_delivery_info() and self.has_job()):
                raise DamagedMessage
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError, DecodeError) as error:
            raise DamagedMessage from error

    def has_delivery_info(self) -> bool:
        """Whether it is JSON in UTF-8 and has its delivery information."""
        delivery = [self.delivery_tag, self.delivery_info["exchange"], self.delivery_info["routing_key"]]
        encoding = self.content_type, self.content_encoding
        return encoding == ("application/json", "utf-8") and all(isinstance(name, str) for name in delivery)

    def has_job(self) -> bool:
        """Whether it is a complete job, or a control message of Celery, which has no task."""
        if "task" not in self.headers:
            return isinstance(self.payload, dict)
        args, kwargs, _ = self.payload
        names = [self.headers["task"], self.headers["id"]]
        return isinstance(args, list) and isinstance(kwargs, dict) and all(isinstance(name, str) for name in names)


@contextmanager
def dropping_damaged() -> Iterator[None]:
    """Raise ``Empty`` if the message that is read in the block is invalid. It was removed from the queue by then."""
    try:
        yield
    except (JSONDecodeError, UnicodeDecodeError, RecursionError, DamagedMessage):
        # The message is not logged, because it could contain private data.
        logger.error("A message in the queue could not be read and was dropped.")
        raise Empty from None


class SafeQoS(redis.QoS):  # type: ignore[misc]
    """The unfinished jobs of a connection. In kombu, a job that runs while the connection is lost ends the worker.

    Redis delivers a job that was neither acknowledged nor returned again after ``visibility_timeout``, if it still has
    it. The connection is lost for good: the worker opens another one, for other jobs.
    """

    @property
    def is_lost(self) -> bool:
        """Whether the connection was closed."""
        transport = self.channel.connection
        return transport is None or transport.client is None

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a job that has ended."""
        if self.is_lost:
            logger.warning("The connection to Redis was lost while a job ran, so the job was not acknowledged.")
        else:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Drop a job, or return it to its queue."""
        if self.is_lost:
            logger.warning("The connection to Redis was lost while a job ran, so the job was not returned.")
        else:
            super().reject(delivery_tag, requeue=requeue)

    def restore_unacked(self, client: Any = None) -> None:
        """Return the unfinished jobs to their queues. A worker that has lost Redis calls it without a connection."""
        if self.is_lost:
            jobs: dict[str, Any] = self._delivered or {}
            logger.warning("The connection to Redis was lost, so %d jobs were not returned.", len(jobs))
            jobs.clear()
        else:
            super().restore_unacked(client)


class SafeRedisChannel(redis.Channel):  # type: ignore[misc]
    """Drops invalid messages and logs that. In kombu an invalid message ends the worker, and then the next one."""

    Message = ParsedMessage
    QoS = SafeQoS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The constructor connects to Redis.
        with call_redis():
            super().__init__(*args, **kwargs)

    def _put(self, *args: Any, **kwargs: Any) -> None:
        with call_redis():
            super()._put(*args, **kwargs)

    def put_many(self, queue: str, messages: Sequence[str]) -> None:
        """Append encoded messages to a queue, in one call of Redis."""
        with call_redis(), self.conn_or_acquire() as client:
            client.lpush(queue, *messages)

    def _brpop_read(self, **options: Any) -> Any:
        with dropping_damaged():
            return super()._brpop_read(**options)  # type: ignore[misc]

    def _receive_one(self, *args: Any) -> Any:
        with dropping_damaged():
            return super()._receive_one(*args)  # type: ignore[misc]


class SafeRedisTransport(redis.Transport):  # type: ignore[misc]
    """kombu's Redis transport with ``SafeRedisChannel``."""

    Channel = SafeRedisChannel


# By alias, because kombu only parses a unix socket's URL if it selects the transport by the scheme.
TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:SafeRedisTransport"))
