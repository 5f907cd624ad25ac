"""A bureau on a real socket that answers exactly what a test lays out, however wrong.

The sandbox's bureau speaks good HTTP. This one speaks the rest: answers that hang, break off, trickle or lie.
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
class Asked:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedBureau:
    """Plays its scripts in order, one a request; the last one again and again. Tokens have scripts of their own."""

    url: str
    reports: deque[Script] = field(default_factory=deque)
    tokens: deque[Script] = field(default_factory=lambda: deque([say(TOKEN)]))
    asked: list[Asked] = field(default_factory=list)

    def answer(self, *scripts: Script) -> None:
        """Lay out what to answer to those who want a report."""
        self.reports = deque(scripts)

    def grant(self, *scripts: Script) -> None:
        """Lay out what to answer to those who want a token."""
        self.tokens = deque(scripts)

    def asked_for(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    def play(self, asked: Asked, connection: socket.socket, closing: threading.Event) -> None:
        self.asked.append(asked)
        scripts = self.tokens if asked.path == TOKEN_PATH else self.reports
        (scripts.popleft() if len(scripts) > 1 else scripts[0])(connection, closing)


def say(body: bytes | dict[str, Any], *, status: int = 200, **headers: str) -> Script:
    """Answer properly. Underscores in a header's name stand for hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return blurt("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def blurt(sent: bytes) -> Script:
    """Send these bytes, whatever they are, and hang up."""
    return lambda connection, closing: connection.sendall(sent)


def stay_silent(connection: socket.socket, closing: threading.Event) -> None:
    """Take the request and answer nothing for as long as the test lasts."""
    closing.wait()


def trickle(connection: socket.socket, closing: threading.Event) -> None:
    """Begin a good answer and send it a byte at a time, never falling silent for long."""
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
    visits = []
    while not closing.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        visits.append(threading.Thread(target=_serve, args=(connection, bureau, closing, tls)))
        visits[-1].start()
    for visit in visits:
        visit.join()


def _serve(
    connection: socket.socket, bureau: ScriptedBureau, closing: threading.Event, tls: ssl.SSLContext | None
) -> None:
    # The client gives up first in some of the tests, or does not trust us.
    talk = tls.wrap_socket if tls else lambda plain, server_side: plain
    with connection, suppress(OSError, ValueError), talk(connection, server_side=True) as trusted:
        bureau.play(_read(trusted), trusted, closing)


def _read(connection: socket.socket) -> Asked:
    with connection.makefile("rb") as lines:
        _method, path, _version = lines.readline().decode().split()
        headers = {}
        while (line := lines.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = lines.read(int(headers.get("content-length", "0")))
    return Asked(path, headers, body)
