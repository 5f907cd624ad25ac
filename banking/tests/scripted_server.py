"""An HTTP server on a real socket that sends exactly the bytes that a test sets, valid HTTP or not.

The sandbox sends valid responses. This server also sends the invalid ones: none, truncated, slow or malformed.
"""

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# What the server does with one connection after it has read the request; the event is set when the test ends.
Responder = Callable[[socket.socket, threading.Event], None]


@dataclass
class ReceivedRequest:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class ScriptedServer:
    """Uses one responder for each request, in order, and repeats the last one."""

    url: str
    responders: deque[Responder] = field(default_factory=deque)
    requests: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0
    received: threading.Condition = field(default_factory=threading.Condition)

    def respond_with(self, *responders: Responder) -> None:
        """Replace the responders that are left."""
        self.responders = deque(responders)

    def wait_for(self, count: int, *, containing: bytes = b"") -> list[ReceivedRequest]:
        """Wait for ``count`` requests whose body contains these bytes, and return them."""
        with self.received:
            assert self.received.wait_for(lambda: len(self.find_requests(containing)) >= count, timeout=20), (
                self.requests
            )
        return self.find_requests(containing)[:count]

    def find_requests(self, containing: bytes) -> list[ReceivedRequest]:
        return [request for request in self.requests if containing in request.body]

    def record(self, request: ReceivedRequest) -> None:
        with self.received:
            self.requests.append(request)
            self.received.notify_all()

    def next_responder(self) -> Responder:
        return self.responders.popleft() if len(self.responders) > 1 else self.responders[0]


def http_response(body: bytes | dict[str, Any], *, status: int = 200, **headers: str) -> Responder:
    """Send a valid response and close the connection. Underscores in the names of headers stand for hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw_response("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def raw_response(content: bytes) -> Responder:
    """Send exactly these bytes and close the connection."""
    return lambda connection, closing: connection.sendall(content)


def no_response(connection: socket.socket, closing: threading.Event) -> None:
    """Keep the connection open without a response until the test ends."""
    closing.wait()


def slow_response(connection: socket.socket, closing: threading.Event) -> None:
    """Send a byte of a valid response every 50 ms, so that no read times out by itself."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    while not closing.wait(0.05):
        connection.sendall(b" ")


@contextmanager
def scripted_server(tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a server on a free local port until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if tls else "http"
    server = ScriptedServer(url=f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
    closing = threading.Event()
    threads = [threading.Thread(target=_accept, args=(listener, server, closing, tls))]
    threads[0].start()
    try:
        yield server
    finally:
        closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        threads[0].join()


def _accept(
    listener: socket.socket, server: ScriptedServer, closing: threading.Event, tls: ssl.SSLContext | None
) -> None:
    workers = []
    while not closing.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        server.connections += 1
        worker = threading.Thread(target=_serve, args=(connection, server, closing, tls))
        worker.start()
        workers.append(worker)
    for worker in workers:
        worker.join()


def _serve(
    connection: socket.socket, server: ScriptedServer, closing: threading.Event, tls: ssl.SSLContext | None
) -> None:
    try:
        connection = tls.wrap_socket(connection, server_side=True) if tls else connection
        server.record(_read_request(connection))
        server.next_responder()(connection, closing)
    except (OSError, ValueError):
        # The client closed the connection first, or spoke TLS to a server without it: some tests are about that.
        pass
    finally:
        connection.close()


def _read_request(connection: socket.socket) -> ReceivedRequest:
    with connection.makefile("rb") as lines:
        _method, path, _version = lines.readline().decode().split()
        headers = {}
        while (line := lines.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = lines.read(int(headers.get("content-length", "0")))
    return ReceivedRequest(path, headers, body)
