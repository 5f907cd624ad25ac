"""The cost of row-level security: the overview with it and without it, in alternating requests."""

import os
import random
import statistics
from collections.abc import Callable, Sequence

from bench.harness import database, visitors
from bench.harness.load import build_get_request, count_rows_on_page, send_requests
from bench.harness.rounds import ROUNDS, Round, goal_at_most, median, print_result, ratios
from bench.harness.servers import SITE, Address, collect_static_files, serve

UNBOUND = "bench.harness.unbound:application"
OPS_ROLE = {"DATABASE_URL": os.environ["DATABASE_OPS_URL"]}
REQUESTS = 60


def alternate_requests(bound: Address, unbound: Address, cookies: Sequence[str]) -> Callable[[], Round]:
    """Return a round that sends the same requests to both servers in turn, so that load on the machine affects both.

    Its figures are each server's median response time in milliseconds.
    """

    def run_round() -> Round:
        times: dict[str, list[float]] = {"bound": [], "unbound": []}
        for _ in range(REQUESTS):
            request = [build_get_request("/overview/", random.choice(cookies))]
            for name, address in random.sample([("bound", bound), ("unbound", unbound)], k=2):
                times[name].append(send_requests(address, request, connections=1).median * 1000)
        return {name: statistics.median(durations) for name, durations in times.items()}

    return run_round


def require_same_page(bound: Address, unbound: Address, request: bytes) -> None:
    """Raises ``SystemExit`` if the page has another number of rows without row-level security."""
    if count_rows_on_page(bound, request) != count_rows_on_page(unbound, request):
        raise SystemExit("The page has another number of rows without row-level security.")


def main() -> None:
    database.prepare()
    cookies = visitors.create_cookies(database.list_regular_users()[:50])
    with collect_static_files(), serve(SITE) as bound, serve(UNBOUND, **OPS_ROLE) as unbound:
        require_same_page(bound, unbound, build_get_request("/overview/", cookies[0]))
        run_round = alternate_requests(bound, unbound, cookies)
        # The first round is discarded, because caches fill and templates compile in it.
        run_round()
        rounds = [run_round() for _ in range(ROUNDS)]
    print_result(
        "isolation",
        {"overview_with_row_level_security_to_without": goal_at_most(1.1, ratios(rounds, "bound", "unbound"))},
        milliseconds={name: median(rounds, name) for name in ("bound", "unbound")},
    )


if __name__ == "__main__":
    main()
