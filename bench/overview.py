"""The overview of a person with 5,000 transactions among a million, against a plain Django page and no framework."""

import random
from collections.abc import Sequence

from django.db import connection
from django.test import Client

from accounts.models import User
from bench.harness import database, visitors
from bench.harness.load import fire, get, rows_on
from bench.harness.rounds import Case, at_least, at_most, median, print_result, race, ratios
from bench.harness.servers import SITE, Address, serve, static_files

PLAIN = {"DJANGO_SETTINGS_MODULE": "bench.plain.settings"}
STOCK_BACKEND = "django.contrib.auth.backends.ModelBackend"
STOCK_SESSIONS = "django.contrib.sessions.backends.db"
REQUESTS = 240
MOST_STATEMENTS = 7


def rate_of(address: Address, path: str, cookies: Sequence[str]) -> Case:
    """A case that returns answers a second over eight connections, each by somebody drawn at random."""
    return lambda: fire(address, visitors.draw_requests(path, cookies, REQUESTS)).rate


def tail_of(address: Address, path: str, cookies: Sequence[str]) -> Case:
    return lambda: fire(address, visitors.draw_requests(path, cookies, REQUESTS)).tail


def statements(user: User) -> int:
    """How many SQL statements one request sends, beside those that begin, bind and end its transaction."""
    client, seen = Client(), []
    client.force_login(user)

    def watch(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        answer = client.get("/overview/")
    if answer.status_code != 200:
        raise SystemExit(f"The overview answered {answer.status_code}.")
    return len(seen)


def require_rows(address: Address, path: str, cookie: str, *, at_least: int) -> None:
    """Raises ``SystemExit`` where a page shows fewer rows than it should: it would be measured empty."""
    if (shown := rows_on(address, get(path, cookie))) < at_least:
        raise SystemExit(f"{path} shows {shown} rows.")


def main() -> None:
    database.make()
    users = random.sample(database.regulars(), k=min(100, len(database.regulars())))
    cookies = visitors.cookies(users)
    plain_cookies = [f"sessionid={visitors.session(user, STOCK_BACKEND, STOCK_SESSIONS)}" for user in users]
    with (
        static_files(),
        serve(SITE) as site,
        serve("bench.plain.wsgi:application", **PLAIN) as plain,
        serve("bench.harness.bare:application") as bare,
    ):
        require_rows(site, "/overview/", cookies[0], at_least=8)
        require_rows(plain, "/", plain_cookies[0], at_least=50)
        require_rows(bare, "/", cookies[0], at_least=50)
        rounds = race(
            {
                "site": rate_of(site, "/overview/", cookies),
                "plain": rate_of(plain, "/", plain_cookies),
                "bare": rate_of(bare, "/", cookies),
                "tail": tail_of(site, "/overview/", cookies),
            }
        )
        counts = [statements(users[0]), statements(database.newcomer())]
    print_result(
        "overview",
        {
            "requests_to_plain_dashboard": at_least(1.5, ratios(rounds, "site", "plain")),
            "requests_to_no_framework_page": at_least(0.2, ratios(rounds, "site", "bare")),
            "p95_to_p50": at_most(1.8, [round_["tail"] for round_ in rounds]),
            "sql_statements": at_most(MOST_STATEMENTS, [max(counts)]),
            "sql_statements_more_for_5000_rows_than_for_50": at_most(0, [counts[0] - counts[1]]),
        },
        requests_a_second={name: median(rounds, name) for name in ("site", "plain", "bare")},
    )


if __name__ == "__main__":
    main()
