"""The list of transactions: does a page 4,000 rows down cost more than the first one?"""

import random
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection
from django.test import Client

from accounts.models import User
from banking.models import Transaction
from banking.transactions.pagination import PAGE_SIZES, Position
from bench.harness import database, visitors
from bench.harness.load import fire, get
from bench.harness.rounds import Case, at_most, median, print_result, race, ratios, seconds
from bench.harness.servers import SITE, Address, serve, static_files
from compliance.isolation import tenant

DEPTH = 4_000
PEOPLE = 20
REQUESTS = 60
FIRST = "/transactions/"
# The statement that reads a page's rows asks for one more, to know whether there is an older page.
READS_ROWS = f"LIMIT {PAGE_SIZES[0] + 1}"


class Visitor(NamedTuple):
    """Somebody who looks at their list from the top and from the deep."""

    client: Client
    cookie: str
    deep: str


def visitor(user: User) -> Visitor:
    client = Client()
    client.force_login(user)
    return Visitor(client, *visitors.cookies([user]), f"{FIRST}?before={position(user)}")


def position(user: User) -> Position:
    """Where the page begins that has ``DEPTH`` newer rows in front of it."""
    with tenant(user.pk):
        return Position.of(Transaction.objects.for_user(user).current().newest_first()[DEPTH - 1])


def page_case(address: Address, requests: Sequence[bytes]) -> Case:
    """A case that returns the median answer's milliseconds over one connection."""
    return lambda: fire(address, random.choices(requests, k=REQUESTS), connections=1).median * 1000


def rows_case(pages: Sequence[tuple[Client, str]]) -> Case:
    """A case that returns the median milliseconds of the one statement that reads a page's rows."""
    return lambda: statistics.median(reading(*random.choice(pages)) for _ in range(PEOPLE)) * 1000


def reading(client: Client, path: str) -> float:
    """Open a page and return how long reading its rows took. Raises ``SystemExit`` when it did not happen once."""
    times: list[float] = []

    def watch(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if not sql.endswith(READS_ROWS):
            return execute(sql, params, many, context)
        answers = []
        times.append(seconds(lambda: answers.append(execute(sql, params, many, context))))
        return answers.pop()

    with connection.execute_wrapper(watch):
        client.get(path)
    if len(times) != 1:
        raise SystemExit(f"{path} read its rows {len(times)} times.")
    return times[0]


def main() -> None:
    database.make()
    people = [visitor(user) for user in database.regulars()[:PEOPLE]]
    with static_files(), serve(SITE) as site:
        rounds = race(
            {
                "top": page_case(site, [get(FIRST, person.cookie) for person in people]),
                "deep": page_case(site, [get(person.deep, person.cookie) for person in people]),
                "top_rows": rows_case([(person.client, FIRST) for person in people]),
                "deep_rows": rows_case([(person.client, person.deep) for person in people]),
            }
        )
    print_result(
        "transactions",
        {
            "page_at_4000_to_first": at_most(1.2, ratios(rounds, "deep", "top")),
            "rows_at_4000_to_first": at_most(1.2, ratios(rounds, "deep_rows", "top_rows")),
        },
        milliseconds={name: median(rounds, name) for name in ("top", "deep", "top_rows", "deep_rows")},
    )


if __name__ == "__main__":
    main()
