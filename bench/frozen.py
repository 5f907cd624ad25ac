"""PostgreSQL and Redis stopped where they stand while thirty people ask: the slowest answer, and the recovery."""

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
from bench.harness.bank import over_http
from bench.harness.load import get
from bench.harness.rounds import Goal, at_most, print_result
from bench.harness.servers import SITE, Address, serve, static_files
from bench.harness.webhooks import Signer
from compliance.isolation import tenant

CLIENTS_OF_A_KIND = 6
FROZEN_SECONDS = 6
LONGEST_ANSWER = 5
LONGEST_RECOVERY = 5
# After so many seconds nothing more is expected.
GIVEN_UP = 15

Kinds = dict[str, Callable[[], bytes]]


class TimedResponse(NamedTuple):
    """What a request came to; status 0 is no answer at all. Times are those of ``time.monotonic``."""

    kind: str
    status: int
    began: float
    ended: float


class Crowd:
    """People who ask for pages of every kind without a pause, until the block ends."""

    def __init__(self, address: Address, kinds: Kinds) -> None:
        self.address, self.kinds = address, kinds
        self.answers: list[TimedResponse] = []
        self.over = threading.Event()
        self.threads = [
            threading.Thread(target=self.visit, args=(kind,)) for kind in kinds for _ in range(CLIENTS_OF_A_KIND)
        ]

    def __enter__(self) -> "Crowd":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def visit(self, kind: str) -> None:
        while not self.over.is_set():
            began = time.monotonic()
            status = status_of(self.address, self.kinds[kind]())
            self.answers.append(TimedResponse(kind, status, began, time.monotonic()))
            # Thirty people, not thirty machines: what is measured is waiting, not the processor.
            self.over.wait(0.1)

    def between(self, start: float, end: float) -> list[TimedResponse]:
        """The answers that somebody waited for at a moment of this time."""
        return [answer for answer in self.answers if answer.ended >= start and answer.began <= end]

    def seconds_until_well(self, since: float) -> float:
        """How long it took until the last kind of page came as it should. Waits for it."""
        while time.monotonic() - since < GIVEN_UP:
            well = {a.kind: a.ended for a in reversed(self.answers) if a.began >= since and a.status == 200}
            if set(well) == set(self.kinds):
                return max(well.values()) - since
            time.sleep(0.05)
        return float(GIVEN_UP)


def status_of(address: Address, request: bytes) -> int:
    """Send a request on a connection of its own, read all of the answer, and give its status."""
    with suppress(OSError), socket.create_connection(address, timeout=GIVEN_UP) as connection:
        connection.sendall(request.replace(b"Connection: keep-alive", b"Connection: close"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return int(answer.split(b" ", 2)[1]) if answer else 0
    return 0


def postgresql() -> list[psutil.Process]:
    """The server's processes, the first of which starts all others."""
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        main = psutil.Process(cursor.fetchone()[0]).parent()
    connections.close_all()
    return [main, *main.children()]


def redis() -> list[psutil.Process]:
    with Redis.from_url(settings.REDIS_URL) as client:
        return [psutil.Process(client.info("server")["process_id"])]


CASES: Final = {"postgresql": [postgresql], "redis": [redis], "both": [postgresql, redis]}


@contextmanager
def freeze(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Stop processes where they stand until the block ends."""
    for process in processes:
        # One that served a connection may have ended with it.
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def measure_freeze(crowd: Crowd, processes: Sequence[psutil.Process]) -> tuple[list[TimedResponse], float]:
    """The answers while these processes are frozen, and how long the recovery takes."""
    with freeze(processes):
        start = time.monotonic()
        time.sleep(FROZEN_SECONDS)
    end = time.monotonic()
    recovered = crowd.seconds_until_well(end)
    return crowd.between(start, end), recovered


def slowest(answers: Sequence[TimedResponse]) -> dict[str, float]:
    """The longest that somebody waited, for each kind of page."""
    longest: dict[str, float] = defaultdict(float)
    for answer in answers:
        longest[answer.kind] = max(longest[answer.kind], round(answer.ended - answer.began, 2))
    return dict(longest)


def statuses(answers: Sequence[TimedResponse]) -> dict[str, list[int]]:
    return {kind: sorted({a.status for a in answers if a.kind == kind}) for kind in sorted({a.kind for a in answers})}


def kinds(signer: Signer) -> Kinds:
    """What people and machines ask for."""
    person = database.newcomer()
    with tenant(person.pk):
        item_id = Item.objects.for_user(person).values_list("provider_item_id", flat=True)[0]
    cookie = visitors.cookies([person])[0]
    return {
        "live": lambda: get(reverse("live")),
        "login": lambda: get(reverse("account_login")),
        "overview": lambda: get(reverse("overview"), cookie),
        "webhook": lambda: signer.request(reverse("webhook-plaid"), item_id),
        "static": lambda: get(static("css/app.css")),
    }


def freeze_each(crowd: Crowd) -> dict[str, tuple[list[TimedResponse], float]]:
    """What people noticed of each service that was frozen, and of both at once."""
    return {
        name: measure_freeze(crowd, [process for find in finders for process in find()])
        for name, finders in CASES.items()
    }


def goals(outcomes: dict[str, tuple[list[TimedResponse], float]]) -> dict[str, Goal]:
    judged = {}
    for name, (answers, recovered) in outcomes.items():
        judged[f"{name}_slowest_seconds"] = at_most(LONGEST_ANSWER, [max(slowest(answers).values())])
        judged[f"{name}_recovery_seconds"] = at_most(LONGEST_RECOVERY, [recovered])
    refused = [answer for answers, _ in outcomes.values() for answer in answers if answer.kind == "live"]
    return judged | {"health_live_refused": at_most(0, [sum(answer.status != 200 for answer in refused)])}


def main() -> None:
    database.make()
    signer = Signer()
    with (
        over_http(signer) as plaid,
        static_files(),
        serve(SITE, PLAID_URL=plaid) as address,
        Crowd(address, kinds(signer)) as crowd,
    ):
        if crowd.seconds_until_well(time.monotonic()) >= GIVEN_UP:
            raise SystemExit(f"The site does not serve: {statuses(crowd.answers)}")
        outcomes = freeze_each(crowd)
    print_result(
        "frozen",
        goals(outcomes),
        slowest={name: slowest(answers) for name, (answers, _) in outcomes.items()},
        statuses={name: statuses(answers) for name, (answers, _) in outcomes.items()},
        answers={name: len(answers) for name, (answers, _) in outcomes.items()},
    )


if __name__ == "__main__":
    main()
