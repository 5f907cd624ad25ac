"""An HTTP server on a real socket that answers exactly what a test lays out, however wrong.

The sandbox speaks good HTTP. This speaks the rest: answers that hang, break off, trickle or lie.
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

Script = Callable[[socket.socket, threading.Event], None]


@dataclass
class Asked:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class ScriptedServer:
    """Plays its scripts in order, one a request; the last one again and again."""

    url: str
    scripts: deque[Script] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    visits: int = 0
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def play(self, *scripts: Script) -> None:
        """Lay out what to answer from now on."""
        self.scripts = deque(scripts)

    def wait_for(self, count: int, *, saying: bytes = b"") -> list[Asked]:
        """Wait until so many requests have come in whose body holds these bytes, and return them."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.heard(saying)) >= count, timeout=20), self.asked
        return self.heard(saying)[:count]

    def heard(self, saying: bytes) -> list[Asked]:
        return [asked for asked in self.asked if saying in asked.body]

    def take(self, asked: Asked) -> None:
        with self.arrived:
            self.asked.append(asked)
            self.arrived.notify_all()

    def next_script(self) -> Script:
        return self.scripts.popleft() if len(self.scripts) > 1 else self.scripts[0]


def say(body: bytes | dict[str, Any], *, status: int = 200, **headers: str) -> Script:
    """Answer properly, and say that the connection ends. Underscores in a header's name stand for hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", "Connection: close"]
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
def scripted_server(tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a server on a free port of this machine until the block ends."""
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
    visits = []
    while not closing.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        server.visits += 1
        visit = threading.Thread(target=_serve, args=(connection, server, closing, tls))
        visit.start()
        visits.append(visit)
    for visit in visits:
        visit.join()


def _serve(
    connection: socket.socket, server: ScriptedServer, closing: threading.Event, tls: ssl.SSLContext | None
) -> None:
    try:
        connection = tls.wrap_socket(connection, server_side=True) if tls else connection
        server.take(_read_request(connection))
        server.next_script()(connection, closing)
    except (OSError, ValueError):
        # The client gave up first, or speaks TLS to a plain server: what some of the tests are about.
        pass
    finally:
        connection.close()


def _read_request(connection: socket.socket) -> Asked:
    with connection.makefile("rb") as lines:
        _method, path, _version = lines.readline().decode().split()
        headers = {}
        while (line := lines.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = lines.read(int(headers.get("content-length", "0")))
    return Asked(path, headers, body)
