"""Suspends PostgreSQL and Redis while thirty clients send requests: the slowest response and the recovery time."""

import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

import psutil
from django.conf import settings
from django.db import connections
from django.templatetags.static import static
from django.urls import reverse
from redis import Redis

from banking.models import Item
from bench.harness import database, visitors
from bench.harness.bank import serve_over_http
from bench.harness.load import build_get_request
from bench.harness.rounds import Goal, goal_at_most, print_result
from bench.harness.servers import SITE, Address, collect_static_files, serve
from bench.harness.webhooks import Signer
from compliance.isolation import tenant

CLIENTS_OF_A_KIND = 6
FROZEN_SECONDS = 6
MOST_RESPONSE_SECONDS = 5
MOST_RECOVERY_SECONDS = 5
TIMEOUT_SECONDS = 15

# By kind of request, a function that builds one.
RequestBuilders = dict[str, Callable[[], bytes]]


class TimedResponse(NamedTuple):
    """The status of a response, 0 if there was none, and when it began and ended by ``time.monotonic``."""

    kind: str
    status: int
    began: float
    ended: float


class ClientThreads:
    """Threads that keep sending requests of every kind until the block ends."""

    def __init__(self, address: Address, builders: RequestBuilders) -> None:
        self.address, self.builders = address, builders
        self.responses: list[TimedResponse] = []
        self.stopped = threading.Event()
        self.threads = [
            threading.Thread(target=self.send_requests, args=(kind,))
            for kind in builders
            for _ in range(CLIENTS_OF_A_KIND)
        ]

    def __enter__(self) -> "ClientThreads":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def send_requests(self, kind: str) -> None:
        while not self.stopped.is_set():
            began = time.monotonic()
            status = fetch_status(self.address, self.builders[kind]())
            self.responses.append(TimedResponse(kind, status, began, time.monotonic()))
            # The pause keeps the CPU from being the bottleneck: the bench measures waiting.
            self.stopped.wait(0.1)

    def list_responses(self, start: float, end: float) -> list[TimedResponse]:
        """List the responses for which a client waited at some moment from ``start`` to ``end``."""
        return [response for response in self.responses if response.ended >= start and response.began <= end]

    def measure_recovery(self, since: float) -> float:
        """Wait until every kind of request has had a response with status 200, and return the seconds since ``since``.

        Returns ``TIMEOUT_SECONDS`` if that takes longer.
        """
        while time.monotonic() - since < TIMEOUT_SECONDS:
            recovered = {r.kind: r.ended for r in reversed(self.responses) if r.began >= since and r.status == 200}
            if set(recovered) == set(self.builders):
                return max(recovered.values()) - since
            time.sleep(0.05)
        return float(TIMEOUT_SECONDS)


def fetch_status(address: Address, request: bytes) -> int:
    """Send a request over a new connection, read the whole response, and return its status; 0 if there is none."""
    with suppress(OSError), socket.create_connection(address, timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(request.replace(b"Connection: keep-alive", b"Connection: close"))
        response = b"".join(iter(lambda: connection.recv(65536), b""))
        return int(response.split(b" ", 2)[1]) if response else 0
    return 0


def find_postgresql() -> list[psutil.Process]:
    """Return PostgreSQL's processes, the postmaster first, because it starts the others."""
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        postmaster = psutil.Process(cursor.fetchone()[0]).parent()
    connections.close_all()
    return [postmaster, *postmaster.children()]


def find_redis() -> list[psutil.Process]:
    with Redis.from_url(settings.REDIS_URL) as client:
        return [psutil.Process(client.info("server")["process_id"])]


SERVICES: Final = {"postgresql": [find_postgresql], "redis": [find_redis], "both": [find_postgresql, find_redis]}


@contextmanager
def freeze(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Suspend processes until the block ends."""
    for process in processes:
        # The process of a connection may have ended with the connection.
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def measure_freeze(clients: ClientThreads, processes: Sequence[psutil.Process]) -> tuple[list[TimedResponse], float]:
    """Return the responses while these processes are frozen, and the seconds until recovery."""
    with freeze(processes):
        start = time.monotonic()
        time.sleep(FROZEN_SECONDS)
    end = time.monotonic()
    recovery = clients.measure_recovery(end)
    return clients.list_responses(start, end), recovery


def slowest_by_kind(responses: Sequence[TimedResponse]) -> dict[str, float]:
    """Return the longest duration for each kind of request, in seconds."""
    longest: dict[str, float] = defaultdict(float)
    for response in responses:
        longest[response.kind] = max(longest[response.kind], round(response.ended - response.began, 2))
    return dict(longest)


def statuses_by_kind(responses: Sequence[TimedResponse]) -> dict[str, list[int]]:
    """Return the different statuses for each kind of request."""
    statuses: dict[str, set[int]] = defaultdict(set)
    for response in responses:
        statuses[response.kind].add(response.status)
    return {kind: sorted(statuses[kind]) for kind in sorted(statuses)}


def make_request_builders(signer: Signer) -> RequestBuilders:
    """Return a function for each kind of request, which builds one."""
    user = database.get_new_user()
    with tenant(user.pk):
        item_id = Item.objects.for_user(user).values_list("provider_item_id", flat=True)[0]
    cookie = visitors.create_cookies([user])[0]
    return {
        "live": lambda: build_get_request(reverse("live")),
        "login": lambda: build_get_request(reverse("account_login")),
        "overview": lambda: build_get_request(reverse("overview"), cookie),
        "webhook": lambda: signer.build_request(reverse("webhook-plaid"), item_id, number=0),
        "static": lambda: build_get_request(static("css/app.css")),
    }


def freeze_each(clients: ClientThreads) -> dict[str, tuple[list[TimedResponse], float]]:
    """Freeze each service, then both; return the responses meanwhile and the seconds until recovery."""
    return {
        name: measure_freeze(clients, [process for find in finders for process in find()])
        for name, finders in SERVICES.items()
    }


def build_goals(outcomes: dict[str, tuple[list[TimedResponse], float]]) -> dict[str, Goal]:
    goals = {}
    for name, (responses, recovery) in outcomes.items():
        goals[f"{name}_slowest_seconds"] = goal_at_most(
            MOST_RESPONSE_SECONDS, [max(slowest_by_kind(responses).values())]
        )
        goals[f"{name}_recovery_seconds"] = goal_at_most(MOST_RECOVERY_SECONDS, [recovery])
    live = [response for responses, _ in outcomes.values() for response in responses if response.kind == "live"]
    return goals | {"health_live_refused": goal_at_most(0, [sum(response.status != 200 for response in live)])}


def main() -> None:
    database.prepare()
    signer = Signer()
    with (
        serve_over_http(signer) as plaid,
        collect_static_files(),
        serve(SITE, PLAID_URL=plaid) as address,
        ClientThreads(address, make_request_builders(signer)) as clients,
    ):
        if clients.measure_recovery(time.monotonic()) >= TIMEOUT_SECONDS:
            raise SystemExit(f"Not all requests succeed before the freeze: {statuses_by_kind(clients.responses)}")
        outcomes = freeze_each(clients)
    print_result(
        "frozen",
        build_goals(outcomes),
        slowest={name: slowest_by_kind(responses) for name, (responses, _) in outcomes.items()},
        statuses={name: statuses_by_kind(responses) for name, (responses, _) in outcomes.items()},
        answers={name: len(responses) for name, (responses, _) in outcomes.items()},
    )


if __name__ == "__main__":
    main()
