"""Twenty connections that send one byte every two seconds, and what everybody else notices of them."""

import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.harness import database, visitors
from bench.harness.load import fire, get
from bench.harness.rounds import ROUNDS, at_most, print_result
from bench.harness.servers import SITE, Address, serve, static_files

SENDERS = 20
SECONDS_A_BYTE = 2
REQUESTS = 240
PROBES = 20
# An address that reads its body before it asks who sends it.
HEAD = (
    b"POST /policy-reports/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/csp-report\r\n"
    b"Content-Length: 10000\r\n\r\n"
)


def send_slowly(address: Address, over: threading.Event) -> None:
    """Begin a request, go on with it byte by byte, and begin anew when the server has given it up."""
    while not over.is_set():
        try:
            with socket.create_connection(address) as connection:
                connection.sendall(HEAD)
                while not over.wait(SECONDS_A_BYTE):
                    connection.sendall(b"{")
        except OSError:
            continue


@contextmanager
def slow_senders(address: Address) -> Iterator[None]:
    over = threading.Event()
    threads = [threading.Thread(target=send_slowly, args=(address, over)) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        # Each has sent a byte of its body by now.
        time.sleep(SECONDS_A_BYTE * 1.5)
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def p95(address: Address, cookies: Sequence[str]) -> float:
    """The 95th percentile of overviews over eight connections, in seconds."""
    return statistics.quantiles(fire(address, visitors.draw_requests("/overview/", cookies, REQUESTS)).durations, n=20)[
        -1
    ]


def slowest_probe(address: Address) -> float:
    """The longest that ``/health/live`` took, in seconds."""
    return max(fire(address, [get("/health/live")], connections=1).total for _ in range(PROBES))


def one_round(address: Address, cookies: Sequence[str]) -> tuple[float, float]:
    """How the p95 among slow senders compares to the p95 without, and the slowest probe among them."""
    alone = p95(address, cookies)
    with slow_senders(address):
        return p95(address, cookies) / alone, slowest_probe(address)


def main() -> None:
    database.make()
    cookies = visitors.cookies(database.regulars()[:50])
    with static_files(), serve(SITE) as address:
        one_round(address, cookies)
        rounds = [one_round(address, cookies) for _ in range(ROUNDS)]
    print_result(
        "slow_bodies",
        {
            "overview_p95_to_without": at_most(2, [ratio for ratio, _ in rounds]),
            "health_live_seconds": at_most(1, [probe for _, probe in rounds]),
        },
    )


if __name__ == "__main__":
    main()
