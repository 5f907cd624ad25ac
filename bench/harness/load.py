"""Requests over a few connections that stay open, and how long durations answer took.

Plain sockets, because a client library would cost as much as some of the servers that are measured here.
"""

import gzip
import socket
import statistics
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from bench.harness.servers import Address

CONNECTIONS = 8
GZIP = b"\x1f\x8b"


class UnexpectedResponse(Exception):
    """An answer was not 200: the bench would measure error pages."""


@dataclass(frozen=True, slots=True)
class Load:
    """How long durations answer took, and how long all of them together; in seconds."""

    durations: list[float]
    total: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.durations) / self.total

    @property
    def median(self) -> float:
        return statistics.median(self.durations)

    @property
    def tail(self) -> float:
        """The 95th percentile divided by the median."""
        return statistics.quantiles(self.durations, n=20)[-1] / self.median


def get(path: str, cookie: str = "") -> bytes:
    """One request as a browser sends it, as far as the site's answer depends on it."""
    headers = ["Host: localhost", "Accept: text/html", "Accept-Encoding: gzip", "Connection: keep-alive"]
    if cookie:
        headers.append(f"Cookie: {cookie}")
    return "\r\n".join([f"GET {path} HTTP/1.1", *headers, "", ""]).encode()


def rows_on(address: Address, request: bytes) -> int:
    """How many table rows a page shows: proof that it is the page that was meant. Raises ``BadAnswer``."""
    with socket.create_connection(address) as connection, connection.makefile("rb") as answers:
        connection.sendall(request)
        body = read_body(answers)
    return (gzip.decompress(body) if body.startswith(GZIP) else body).count(b"<tr")


def fire(address: Address, requests: Iterable[bytes], *, connections: int = CONNECTIONS) -> Load:
    """Send the requests over so many connections at once. Raises ``BadAnswer``."""
    waiting, durations, failures = deque(requests), [], []
    threads = [threading.Thread(target=visit, args=(address, waiting, durations, failures)) for _ in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = time.perf_counter() - started
    if failures:
        raise failures[0]
    return Load(durations, total)


def visit(address: Address, waiting: deque[bytes], durations: list[float], failures: list[UnexpectedResponse]) -> None:
    """Be one connection: take what waits, until nothing does or something fails."""
    with socket.create_connection(address) as connection, connection.makefile("rb") as answers:
        while waiting and not failures:
            try:
                request = waiting.popleft()
            except IndexError:
                return
            started = time.perf_counter()
            connection.sendall(request)
            try:
                read_body(answers)
            except UnexpectedResponse as failure:
                failures.append(failure)
                return
            durations.append(time.perf_counter() - started)


def read_body(answers: BinaryIO) -> bytes:
    """Read one answer's body. Raises ``BadAnswer`` unless it is 200."""
    status = answers.readline()
    if b" 200 " not in status:
        raise UnexpectedResponse(status.decode().strip())
    length = 0
    while (line := answers.readline().lower()) != b"\r\n":
        if line.startswith(b"content-length:"):
            length = int(line[15:])
    return answers.read(length)
