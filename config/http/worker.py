"""The web server's worker: waitress inside gunicorn's processes.

waitress reads and writes on one thread for all connections, and gives a request to one of the threads that run the
site when it is there to its last byte. So a slow sender or reader holds a connection and never a thread. gunicorn
starts, replaces and ends the processes.
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

# In seconds: from a request's first byte to its last, and from a connection's last byte to its end.
REQUEST_SECONDS: Final = 20
IDLE_SECONDS: Final = 30
# What answers are given for before the process ends; below ``graceful_timeout`` in config/gunicorn.py.
DRAIN_SECONDS: Final = 6
# Below 1,024 with what else is open: many systems allow a process no more files than that.
CONNECTIONS: Final = 500
LIVE_PATH: Final = "/health/live"
TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class TimedRequestParser(HTTPRequestParser):  # type: ignore[misc]
    """A request that knows when its first byte came."""

    # waitress leaves these out of a request that it cannot read.
    command = path = ""

    def __init__(self, adjustments: Adjustments) -> None:
        super().__init__(adjustments)
        self.began = time.monotonic()

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head. Raises ``ParsingError``, also for a number of thousands of digits."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError("A header is invalid") from error

    def asks_for_life(self) -> bool:
        """Whether it asks what is answered without any other part of the site."""
        return self.path == LIVE_PATH and self.command in ("GET", "HEAD")


class TimedConnection(HTTPChannel):  # type: ignore[misc]
    """A connection that is closed when its next request takes too long to come."""

    parser_class = TimedRequestParser

    def is_late(self, now: float) -> bool:
        """Whether a request has begun, and has not been complete for longer than it may take."""
        return self.request is not None and now - self.request.began > REQUEST_SECONDS

    def give_up(self) -> None:
        """Say that it took too long, and close."""
        with self.outbuf_lock:
            self.outbufs[-1].append(TOO_LATE)
            self.total_outbufs_len += len(TOO_LATE)
            self.close_when_flushed = True

    def is_busy(self) -> bool:
        """Whether a request is being answered, or an answer is on its way."""
        return bool(self.requests or self.total_outbufs_len)


class Threads(ThreadedTaskDispatcher):  # type: ignore[misc]
    """The threads that run the site, and one that only says that the process lives, however busy the others are."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.answered = 0
        self.set_thread_count(count)
        self.for_health = ThreadedTaskDispatcher()
        self.for_health.set_thread_count(1)

    def handler_thread(self, thread_no: int) -> None:
        """Run the site in a thread until it is told to end."""
        call_in_large_chunk(super().handler_thread, thread_no)

    def add_task(self, task: TimedConnection) -> None:
        """Put a connection with a complete request in the queue."""
        self.answered += 1
        if task.requests[0].asks_for_life():
            self.for_health.add_task(task)
        else:
            super().add_task(task)


class ListeningServer(TcpWSGIServer):  # type: ignore[misc]
    """One listening socket, with all connections that came from it."""

    channel_class = TimedConnection

    def maintenance(self, now: float) -> None:
        """Close what idles, as waitress does, and what sends too slowly."""
        super().maintenance(now)
        for connection in list(self.active_channels.values()):
            if connection.is_late(time.monotonic()):
                connection.give_up()

    def drain(self) -> bool:
        """Close the connections on which nothing is answered; tell whether others are left."""
        for connection in list(self.active_channels.values()):
            if not connection.is_busy():
                connection.handle_close()
        return bool(self.active_channels)


class BufferingWorker(Worker):  # type: ignore[misc]
    """Runs until gunicorn asks it to end, gunicorn itself is gone, or it has answered its share of requests."""

    def run(self) -> None:
        """Serve, then give the answers that are due, for ``DRAIN_SECONDS`` at most."""
        self.connections: dict[int, Any] = {}
        self.threads = Threads(self.cfg.threads)
        self.servers = [self.listen(listener) for listener in self.sockets]
        while self.should_serve():
            self.turn()
        deadline = time.monotonic() + DRAIN_SECONDS
        for server in self.servers:
            server.del_channel()
        while any(server.drain() for server in self.servers) and time.monotonic() < deadline:
            self.turn()

    def listen(self, listener: Any) -> ListeningServer:
        """Take connections from one of gunicorn's sockets."""
        adjustments = Adjustments(
            ident=None,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=1,
            max_request_body_size=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
            # Whom to believe is the site's own setting, TRUSTED_PROXY_COUNT.
            clear_untrusted_proxy_headers=False,
        )
        sock = listener.sock
        place = (sock.family, sock.type, sock.proto, sock.getsockname())
        return ListeningServer(
            self.wsgi,
            self.connections,
            _sock=sock,
            dispatcher=self.threads,
            adj=adjustments,
            sockinfo=place,
            bind_socket=False,
        )

    def should_serve(self) -> bool:
        """Whether nothing has told this process to end."""
        return self.alive and os.getppid() == self.ppid and self.threads.answered < self.max_requests

    def turn(self) -> None:
        """Tell gunicorn that this process is well, and wait up to a second for bytes to read or to write."""
        self.notify()
        wasyncore.loop(timeout=1, use_poll=True, map=self.connections, count=1)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop serving; wakes the loop up."""
        super().handle_exit(sig, frame)
        for server in getattr(self, "servers", []):
            server.pull_trigger()
