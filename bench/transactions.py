"""The list of transactions: the page after 4,000 rows, compared with the first page."""

import random
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection
from django.test import Client

from accounts.models import User
from banking.models import Transaction
from banking.transactions.listing.pagination import PAGE_SIZES, Position
from bench.harness import database, visitors
from bench.harness.load import build_get_request, send_requests
from bench.harness.rounds import Case, goal_at_most, measure_seconds, median, print_result, ratios, run_rounds
from bench.harness.servers import SITE, Address, collect_static_files, serve
from compliance.isolation import tenant

DEPTH = 4_000
USERS = 20
REQUESTS = 60
FIRST_PAGE = "/transactions/"
# The end of the statement that reads a page's rows: one row more than shown, to know whether there is an older page.
ROWS_STATEMENT_END = f"LIMIT {PAGE_SIZES[0] + 1}"


class SignedInUser(NamedTuple):
    """A test client and a cookie of a user, and the path of the page after ``DEPTH`` rows."""

    client: Client
    cookie: str
    deep_page: str


def sign_in(user: User) -> SignedInUser:
    client = Client()
    client.force_login(user)
    return SignedInUser(client, *visitors.create_cookies([user]), f"{FIRST_PAGE}?before={find_deep_position(user)}")


def find_deep_position(user: User) -> Position:
    """Return the position after the ``DEPTH`` newest rows."""
    with tenant(user.pk):
        return Position.of(Transaction.objects.for_user(user).current().newest_first()[DEPTH - 1])


def measure_page(address: Address, requests: Sequence[bytes]) -> Case:
    """Return a case that measures the median response time over one connection, in milliseconds."""
    return lambda: send_requests(address, random.choices(requests, k=REQUESTS), connections=1).median * 1000


def compare_rows(users: Sequence[SignedInUser]) -> Case:
    """Return a case that divides the time of the deep page's rows statement by the time of the first page's.

    Either takes less than a millisecond, so the pages are requested in turn, and medians are compared.
    """

    def measure() -> float:
        times = [
            (time_rows_statement(user.client, FIRST_PAGE), time_rows_statement(user.client, user.deep_page))
            for user in random.choices(users, k=REQUESTS)
        ]
        return statistics.median(deep for _, deep in times) / statistics.median(top for top, _ in times)

    return measure


def time_rows_statement(client: Client, path: str) -> float:
    """Request a page and return the seconds of the statement that reads its rows.

    Raises ``SystemExit`` unless that statement was executed exactly once.
    """
    times: list[float] = []

    def time_statement(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if not sql.endswith(ROWS_STATEMENT_END):
            return execute(sql, params, many, context)
        results = []
        times.append(measure_seconds(lambda: results.append(execute(sql, params, many, context))))
        return results.pop()

    with connection.execute_wrapper(time_statement):
        client.get(path)
    if len(times) != 1:
        raise SystemExit(f"{path} read its rows {len(times)} times.")
    return times[0]


def main() -> None:
    database.prepare()
    users = [sign_in(user) for user in database.list_regular_users()[:USERS]]
    with collect_static_files(), serve(SITE) as site:
        rounds = run_rounds(
            {
                "top": measure_page(site, [build_get_request(FIRST_PAGE, user.cookie) for user in users]),
                "deep": measure_page(site, [build_get_request(user.deep_page, user.cookie) for user in users]),
                "rows": compare_rows(users),
            }
        )
    print_result(
        "transactions",
        {
            "page_at_4000_to_first": goal_at_most(1.2, ratios(rounds, "deep", "top")),
            "rows_at_4000_to_first": goal_at_most(1.2, [round_["rows"] for round_ in rounds]),
        },
        milliseconds={name: median(rounds, name) for name in ("top", "deep")},
    )


if __name__ == "__main__":
    main()
