"""Sends HTTP requests over a few keep-alive connections and measures how long each response takes.

It uses plain sockets, because an HTTP client library would take as much time as some of the measured servers.
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
    """A response had another status than 200, so the bench would measure error pages."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The duration of each response, and the time from the first request to the last response, in seconds."""

    durations: list[float]
    total: float

    @property
    def rate(self) -> float:
        """Responses per second."""
        return len(self.durations) / self.total

    @property
    def median(self) -> float:
        return statistics.median(self.durations)

    @property
    def tail_ratio(self) -> float:
        """The 95th percentile of the durations divided by their median."""
        return statistics.quantiles(self.durations, n=20)[-1] / self.median


def build_get_request(path: str, cookie: str = "") -> bytes:
    """Build a GET request with the headers of a browser's on which the site's response depends."""
    headers = ["Host: localhost", "Accept: text/html", "Accept-Encoding: gzip", "Connection: keep-alive"]
    if cookie:
        headers.append(f"Cookie: {cookie}")
    return "\r\n".join([f"GET {path} HTTP/1.1", *headers, "", ""]).encode()


def count_rows_on_page(address: Address, request: bytes) -> int:
    """Count the table rows of a page, to check that it is the expected one. Raises ``UnexpectedResponse``."""
    with socket.create_connection(address) as connection, connection.makefile("rb") as stream:
        connection.sendall(request)
        body = read_body(stream)
    return (gzip.decompress(body) if body.startswith(GZIP) else body).count(b"<tr")


def send_requests(address: Address, requests: Iterable[bytes], *, connections: int = CONNECTIONS) -> LoadResult:
    """Send the requests over this number of connections at once. Raises ``UnexpectedResponse``."""
    queue, durations, failures = deque(requests), [], []
    threads = [
        threading.Thread(target=send_queue, args=(address, queue, durations, failures)) for _ in range(connections)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = time.perf_counter() - started
    if failures:
        raise failures[0]
    return LoadResult(durations, total)


def send_queue(
    address: Address, queue: deque[bytes], durations: list[float], failures: list[UnexpectedResponse]
) -> None:
    """Send requests of the queue over one connection, until the queue is empty or a thread has failed."""
    with socket.create_connection(address) as connection, connection.makefile("rb") as stream:
        while queue and not failures:
            try:
                request = queue.popleft()
            except IndexError:
                return
            started = time.perf_counter()
            connection.sendall(request)
            try:
                read_body(stream)
            except UnexpectedResponse as failure:
                failures.append(failure)
                return
            durations.append(time.perf_counter() - started)


def read_body(stream: BinaryIO) -> bytes:
    """Read a response and return its body. Raises ``UnexpectedResponse`` unless its status is 200."""
    status = stream.readline()
    if b" 200 " not in status:
        raise UnexpectedResponse(status.decode().strip())
    length = 0
    while (line := stream.readline().lower()) != b"\r\n":
        if line.startswith(b"content-length:"):
            length = int(line[15:])
    return stream.read(length)
