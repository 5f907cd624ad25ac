"""The overview of a user with 5,000 of a million transactions, compared with a plain Django page and with bare WSGI."""

import random
from collections.abc import Sequence

from django.db import connection
from django.test import Client

from accounts.models import User
from bench.harness import database, visitors
from bench.harness.load import build_get_request, count_rows_on_page, send_requests
from bench.harness.rounds import Case, goal_at_least, goal_at_most, median, print_result, ratios, run_rounds
from bench.harness.servers import SITE, Address, collect_static_files, serve

PLAIN = {"DJANGO_SETTINGS_MODULE": "bench.plain.settings"}
STOCK_BACKEND = "django.contrib.auth.backends.ModelBackend"
STOCK_SESSIONS = "django.contrib.sessions.backends.db"
REQUESTS = 240
# One of them counts the view, once in a minute.
MOST_STATEMENTS = 8


def measure_rate(address: Address, path: str, cookies: Sequence[str]) -> Case:
    """Return a case that measures responses per second over eight connections, for randomly chosen users."""
    return lambda: send_requests(address, visitors.build_random_requests(path, cookies, REQUESTS)).rate


def measure_tail_ratio(address: Address, path: str, cookies: Sequence[str]) -> Case:
    """Return a case that measures the 95th percentile of the same durations, divided by their median."""
    return lambda: send_requests(address, visitors.build_random_requests(path, cookies, REQUESTS)).tail_ratio


def count_statements(user: User) -> int:
    """Count the SQL statements of one request, without those that begin, bind and end its transaction.

    Raises ``SystemExit`` if the status is not 200.
    """
    client, statements = Client(), []
    client.force_login(user)

    def record_statement(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record_statement):
        response = client.get("/overview/")
    if response.status_code != 200:
        raise SystemExit(f"The overview responded with {response.status_code}.")
    return len(statements)


def require_rows(address: Address, path: str, cookie: str, *, minimum: int) -> None:
    """Raises ``SystemExit`` if a page has fewer rows than it should, because it would be measured without its data."""
    if (count := count_rows_on_page(address, build_get_request(path, cookie))) < minimum:
        raise SystemExit(f"{path} has {count} rows.")


def main() -> None:
    database.prepare()
    regular_users = database.list_regular_users()
    users = random.sample(regular_users, k=min(100, len(regular_users)))
    cookies = visitors.create_cookies(users)
    plain_cookies = [f"sessionid={visitors.create_session(user, STOCK_BACKEND, STOCK_SESSIONS)}" for user in users]
    with (
        collect_static_files(),
        serve(SITE) as site,
        serve("bench.plain.wsgi:application", **PLAIN) as plain,
        serve("bench.harness.bare:application") as bare,
    ):
        require_rows(site, "/overview/", cookies[0], minimum=8)
        require_rows(plain, "/", plain_cookies[0], minimum=50)
        require_rows(bare, "/", cookies[0], minimum=50)
        rounds = run_rounds(
            {
                "site": measure_rate(site, "/overview/", cookies),
                "plain": measure_rate(plain, "/", plain_cookies),
                "bare": measure_rate(bare, "/", cookies),
                "tail": measure_tail_ratio(site, "/overview/", cookies),
            }
        )
        counts = [count_statements(users[0]), count_statements(database.get_new_user())]
    print_result(
        "overview",
        {
            "requests_to_plain_dashboard": goal_at_least(1.5, ratios(rounds, "site", "plain")),
            "requests_to_no_framework_page": goal_at_least(0.2, ratios(rounds, "site", "bare")),
            "p95_to_p50": goal_at_most(1.8, [round_["tail"] for round_ in rounds]),
            "sql_statements": goal_at_most(MOST_STATEMENTS, [max(counts)]),
            "sql_statements_more_for_5000_rows_than_for_50": goal_at_most(0, [counts[0] - counts[1]]),
        },
        requests_a_second={name: median(rounds, name) for name in ("site", "plain", "bare")},
    )


if __name__ == "__main__":
    main()
