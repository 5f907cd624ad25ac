"""What it costs to keep people apart: the overview with row-level security and without, request by request."""

import os
import random
import statistics
from collections.abc import Callable, Sequence

from bench.harness import database, visitors
from bench.harness.load import fire, get, rows_on
from bench.harness.rounds import ROUNDS, Round, at_most, median, print_result, ratios
from bench.harness.servers import SITE, Address, serve, static_files

UNBOUND = "bench.harness.unbound:application"
PAST_ALL_FENCES = {"DATABASE_URL": os.environ["DATABASE_OPS_URL"]}
REQUESTS = 60


def alternating(bound: Address, unbound: Address, cookies: Sequence[str]) -> Callable[[], Round]:
    """A round that sends each server the same people's requests in turn, so that both meet the same machine.

    Gives each one's median answer in milliseconds.
    """

    def one_round() -> Round:
        times: dict[str, list[float]] = {"bound": [], "unbound": []}
        for _ in range(REQUESTS):
            request = [get("/overview/", random.choice(cookies))]
            for name, address in random.sample([("bound", bound), ("unbound", unbound)], k=2):
                times[name].append(fire(address, request, connections=1).median * 1000)
        return {name: statistics.median(durations) for name, durations in times.items()}

    return one_round


def require_same_page(bound: Address, unbound: Address, request: bytes) -> None:
    """Raises ``SystemExit`` where one server shows a person less than the other."""
    if rows_on(bound, request) != rows_on(unbound, request):
        raise SystemExit("The site shows something else without row-level security.")


def main() -> None:
    database.make()
    cookies = visitors.cookies(database.regulars()[:50])
    with static_files(), serve(SITE) as bound, serve(UNBOUND, **PAST_ALL_FENCES) as unbound:
        require_same_page(bound, unbound, get("/overview/", cookies[0]))
        one_round = alternating(bound, unbound, cookies)
        one_round()
        rounds = [one_round() for _ in range(ROUNDS)]
    print_result(
        "isolation",
        {"overview_with_row_level_security_to_without": at_most(1.1, ratios(rounds, "bound", "unbound"))},
        milliseconds={name: median(rounds, name) for name in ("bound", "unbound")},
    )


if __name__ == "__main__":
    main()
