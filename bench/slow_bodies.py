"""The effect on other requests of twenty connections that send one byte of a body every two seconds."""

import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.harness import database, visitors
from bench.harness.load import build_get_request, send_requests
from bench.harness.rounds import ROUNDS, goal_at_most, print_result
from bench.harness.servers import SITE, Address, collect_static_files, serve

SENDERS = 20
SECONDS_A_BYTE = 2
REQUESTS = 240
PROBES = 20
# This view reads the body of anonymous requests.
REQUEST_HEAD = (
    b"POST /policy-reports/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/csp-report\r\n"
    b"Content-Length: 10000\r\n\r\n"
)


def send_slowly(address: Address, stopped: threading.Event) -> None:
    """Send a request byte by byte, and start again when the server closes the connection."""
    while not stopped.is_set():
        try:
            with socket.create_connection(address) as connection:
                connection.sendall(REQUEST_HEAD)
                while not stopped.wait(SECONDS_A_BYTE):
                    connection.sendall(b"{")
        except OSError:
            continue


@contextmanager
def run_slow_senders(address: Address) -> Iterator[None]:
    """Keep ``SENDERS`` slow requests open until the block ends."""
    stopped = threading.Event()
    threads = [threading.Thread(target=send_slowly, args=(address, stopped)) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        # After this, each has sent at least one byte of its body.
        time.sleep(SECONDS_A_BYTE * 1.5)
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def measure_p95(address: Address, cookies: Sequence[str]) -> float:
    """Return the 95th percentile of the response times of overviews over eight connections, in seconds."""
    requests = visitors.build_random_requests("/overview/", cookies, REQUESTS)
    return statistics.quantiles(send_requests(address, requests).durations, n=20)[-1]


def measure_slowest_probe(address: Address) -> float:
    """Return the longest response time of ``/health/live``, in seconds."""
    return max(send_requests(address, [build_get_request("/health/live")], connections=1).total for _ in range(PROBES))


def run_round(address: Address, cookies: Sequence[str]) -> tuple[float, float]:
    """Return the p95 with slow senders divided by the p95 without, and the slowest probe with them, in seconds."""
    without = measure_p95(address, cookies)
    with run_slow_senders(address):
        return measure_p95(address, cookies) / without, measure_slowest_probe(address)


def main() -> None:
    database.prepare()
    cookies = visitors.create_cookies(database.list_regular_users()[:50])
    with collect_static_files(), serve(SITE) as address:
        # The first round is discarded, because caches fill and templates compile in it.
        run_round(address, cookies)
        rounds = [run_round(address, cookies) for _ in range(ROUNDS)]
    print_result(
        "slow_bodies",
        {
            "overview_p95_to_without": goal_at_most(2, [ratio for ratio, _ in rounds]),
            "health_live_seconds": goal_at_most(1, [probe for _, probe in rounds]),
        },
    )


if __name__ == "__main__":
    main()
