"""The list of transactions: does a page 4,000 rows down cost more than the first one?"""

import random
from collections.abc import Sequence

from accounts.models import User
from banking import listing, paging
from banking.models import Transaction
from banking.paging import Position
from bench import database, visitors
from bench.load import fire, get
from bench.rounds import Case, at_most, median, race, ratios, report, seconds
from bench.servers import SITE, Address, served, static_files
from compliance.isolation import tenant

DEPTH = 4_000
PEOPLE = 20
REQUESTS = 60
CUTS = 20


def position(user: User) -> Position:
    """Where the page begins that has ``DEPTH`` newer rows in front of it."""
    with tenant(user.pk):
        return Position.of(Transaction.objects.for_user(user).current().newest_first()[DEPTH - 1])


def request_case(address: Address, requests: Sequence[bytes]) -> Case:
    """A case that returns the median answer's milliseconds over one connection."""
    return lambda: fire(address, random.choices(requests, k=REQUESTS), connections=1).median * 1000


def query_case(places: Sequence[tuple[User, str]]) -> Case:
    """A case that returns the milliseconds of reading a page's rows alone."""
    return lambda: seconds(lambda: [cut(*random.choice(places)) for _ in range(CUTS)]) / CUTS * 1000


def cut(user: User, before: str) -> None:
    with tenant(user.pk):
        rows = Transaction.objects.for_user(user).current().select_related("account")
        if len(paging.page(rows, read=listing.read, size=50, before=before).rows) != 50:
            raise SystemExit("There is no full page at that depth.")


def main() -> None:
    database.make()
    users = database.regulars()[:PEOPLE]
    cookies, places = visitors.cookies(users), [str(position(user)) for user in users]
    at_top = [get("/transactions/", cookie) for cookie in cookies]
    deep = [get(f"/transactions/?before={place}", cookie) for place, cookie in zip(places, cookies, strict=True)]
    with static_files(), served(SITE) as site:
        rounds = race(
            {
                "top": request_case(site, at_top),
                "deep": request_case(site, deep),
                "top_rows": query_case([(user, "") for user in users]),
                "deep_rows": query_case(list(zip(users, places, strict=True))),
            }
        )
    report(
        "transactions",
        {
            "page_at_4000_to_first": at_most(1.2, ratios(rounds, "deep", "top")),
            "rows_at_4000_to_first": at_most(1.2, ratios(rounds, "deep_rows", "top_rows")),
        },
        milliseconds={name: median(rounds, name) for name in ("top", "deep", "top_rows", "deep_rows")},
    )


if __name__ == "__main__":
    main()
