"""The web server's worker class: waitress inside gunicorn's processes.

waitress reads and writes all connections on one thread, and passes a request to a thread of the site when it has
arrived completely. So a slow client occupies a connection but never a thread. gunicorn starts, replaces and stops the
processes.
"""

import os
import time
from typing import Any, Final

from django.conf import settings
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from config.http.frame_chunk import call_in_large_chunk

# In seconds: from the first byte of a request to its last, and from the last byte on a connection to its end.
REQUEST_SECONDS: Final = 20
IDLE_SECONDS: Final = 30
# How long a stopping process finishes its responses; below ``graceful_timeout`` in config/gunicorn.py.
DRAIN_SECONDS: Final = 6
# Together with other open files below 1,024, the limit of a process on many systems.
CONNECTIONS: Final = 500
LIVE_PATH: Final = "/health/live"
TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class TimedRequestParser(HTTPRequestParser):  # type: ignore[misc]
    """A request parser that knows when the first byte arrived."""

    # waitress does not set these on a request that it cannot parse.
    command = path = ""

    def __init__(self, adjustments: Adjustments) -> None:
        super().__init__(adjustments)
        self.began = time.monotonic()

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the headers. Raises ``ParsingError`` also for a number of thousands of digits."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError("A header is invalid") from error

    def is_liveness_probe(self) -> bool:
        """Whether this is the liveness probe, which needs no other part of the site."""
        return self.path == LIVE_PATH and self.command in ("GET", "HEAD")


class TimedConnection(HTTPChannel):  # type: ignore[misc]
    """A connection that is closed when its next request takes too long to arrive."""

    parser_class = TimedRequestParser

    def is_late(self, now: float) -> bool:
        """Whether a request began more than ``REQUEST_SECONDS`` ago and is still incomplete."""
        return self.request is not None and now - self.request.began > REQUEST_SECONDS

    def close_as_late(self) -> None:
        """Send 408 and close the connection."""
        with self.outbuf_lock:
            self.outbufs[-1].append(TOO_LATE)
            self.total_outbufs_len += len(TOO_LATE)
            self.close_when_flushed = True

    def is_busy(self) -> bool:
        """Whether a request is in progress, or a response is not sent completely."""
        return bool(self.requests or self.total_outbufs_len)


class Threads(ThreadedTaskDispatcher):  # type: ignore[misc]
    """The threads that run the site, and one that only responds to liveness probes, even if the others are busy."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.request_count = 0
        self.set_thread_count(count)
        self.for_health = ThreadedTaskDispatcher()
        self.for_health.set_thread_count(1)

    def handler_thread(self, thread_no: int) -> None:
        """Run the site in a thread until the thread is stopped."""
        call_in_large_chunk(super().handler_thread, thread_no)

    def add_task(self, task: TimedConnection) -> None:
        """Queue a connection with a complete request."""
        self.request_count += 1
        if task.requests[0].is_liveness_probe():
            self.for_health.add_task(task)
        else:
            super().add_task(task)


class ListeningServer(TcpWSGIServer):  # type: ignore[misc]
    """A listening socket and its connections."""

    channel_class = TimedConnection

    def maintenance(self, now: float) -> None:
        """Close idle connections, as waitress does, and those that send too slowly."""
        super().maintenance(now)
        for connection in list(self.active_channels.values()):
            if connection.is_late(time.monotonic()):
                connection.close_as_late()

    def drain(self) -> bool:
        """Close the connections that are not busy. Return whether any are left."""
        for connection in list(self.active_channels.values()):
            if not connection.is_busy():
                connection.handle_close()
        return bool(self.active_channels)


class BufferingWorker(Worker):  # type: ignore[misc]
    """Runs until gunicorn stops it, gunicorn itself has ended, or it has served ``max_requests``."""

    def run(self) -> None:
        """Serve requests, then finish the responses in progress, for ``DRAIN_SECONDS`` at most."""
        self.connections: dict[int, Any] = {}
        self.threads = Threads(self.cfg.threads)
        self.servers = [self.listen(listener) for listener in self.sockets]
        while self.should_serve():
            self.poll()
        deadline = time.monotonic() + DRAIN_SECONDS
        for server in self.servers:
            server.del_channel()
        while any(server.drain() for server in self.servers) and time.monotonic() < deadline:
            self.poll()

    def listen(self, listener: Any) -> ListeningServer:
        """Accept connections on one of gunicorn's sockets."""
        adjustments = Adjustments(
            ident=None,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=1,
            max_request_body_size=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
            # Which proxies to trust is a setting of the site, TRUSTED_PROXY_COUNT.
            clear_untrusted_proxy_headers=False,
        )
        sock = listener.sock
        sockinfo = (sock.family, sock.type, sock.proto, sock.getsockname())
        return ListeningServer(
            self.wsgi,
            self.connections,
            _sock=sock,
            dispatcher=self.threads,
            adj=adjustments,
            sockinfo=sockinfo,
            bind_socket=False,
        )

    def should_serve(self) -> bool:
        """Whether this process should continue to accept requests."""
        return self.alive and os.getppid() == self.ppid and self.threads.request_count < self.max_requests

    def poll(self) -> None:
        """Send gunicorn a heartbeat, and handle connections for up to a second."""
        self.notify()
        wasyncore.loop(timeout=1, use_poll=True, map=self.connections, count=1)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop serving, and wake up the loop."""
        super().handle_exit(sig, frame)
        for server in getattr(self, "servers", []):
            server.pull_trigger()
