"""A bureau on a real socket that sends exactly the bytes that a test scripts.

The sandbox's bureau sends valid HTTP. This one sends the rest: responses that hang, are truncated, slow or invalid.
"""

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

TOKEN_PATH = "/oauth2/v1/token"
TOKEN = {"access_token": "CANARYTOKEN", "expires_in": "1800", "token_type": "Bearer"}

Script = Callable[[socket.socket, threading.Event], None]


@dataclass
class ReceivedRequest:
    """A request as the bureau received it."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedBureau:
    """Plays its scripts in order, one per request, and repeats the last one. Token requests have separate scripts."""

    url: str
    reports: deque[Script] = field(default_factory=deque)
    tokens: deque[Script] = field(default_factory=lambda: deque([respond(TOKEN)]))
    requests: list[ReceivedRequest] = field(default_factory=list)

    def script_reports(self, *scripts: Script) -> None:
        """Set the responses to requests for a report."""
        self.reports = deque(scripts)

    def script_tokens(self, *scripts: Script) -> None:
        """Set the responses to requests for a token."""
        self.tokens = deque(scripts)

    def requests_to(self, path: str) -> list[ReceivedRequest]:
        return [request for request in self.requests if request.path == path]

    def play(self, request: ReceivedRequest, connection: socket.socket, closing: threading.Event) -> None:
        self.requests.append(request)
        scripts = self.tokens if request.path == TOKEN_PATH else self.reports
        (scripts.popleft() if len(scripts) > 1 else scripts[0])(connection, closing)


def respond(body: bytes | dict[str, Any], *, status: int = 200, **headers: str) -> Script:
    """Send a valid response. Underscores in a header's name stand for hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return send_bytes("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def send_bytes(content: bytes) -> Script:
    """Send these bytes and close the connection."""
    return lambda connection, closing: connection.sendall(content)


def hang(connection: socket.socket, closing: threading.Event) -> None:
    """Accept the request and send nothing until the test ends."""
    closing.wait()


def trickle(connection: socket.socket, closing: threading.Event) -> None:
    """Begin a valid response and send it a byte at a time, without a long pause."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
    while not closing.wait(0.05):
        connection.sendall(b" ")


@contextmanager
def scripted_bureau(tls: ssl.SSLContext | None = None) -> Iterator[ScriptedBureau]:
    """Run a bureau on a free port of this machine until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if tls else "http"
    bureau = ScriptedBureau(url=f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
    closing = threading.Event()
    accepting = threading.Thread(target=_accept, args=(listener, bureau, closing, tls))
    accepting.start()
    try:
        yield bureau
    finally:
        closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()


def _accept(
    listener: socket.socket, bureau: ScriptedBureau, closing: threading.Event, tls: ssl.SSLContext | None
) -> None:
    threads = []
    while not closing.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        threads.append(threading.Thread(target=_serve, args=(connection, bureau, closing, tls)))
        threads[-1].start()
    for thread in threads:
        thread.join()


def _serve(
    connection: socket.socket, bureau: ScriptedBureau, closing: threading.Event, tls: ssl.SSLContext | None
) -> None:
    # In some tests the client disconnects first, or rejects the certificate.
    wrap = tls.wrap_socket if tls else lambda plain, server_side: plain
    with connection, suppress(OSError, ValueError), wrap(connection, server_side=True) as wrapped:
        bureau.play(_read_request(wrapped), wrapped, closing)


def _read_request(connection: socket.socket) -> ReceivedRequest:
    with connection.makefile("rb") as lines:
        _method, path, _version = lines.readline().decode().split()
        headers = {}
        while (line := lines.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = lines.read(int(headers.get("content-length", "0")))
    return ReceivedRequest(path, headers, body)
