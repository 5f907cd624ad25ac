"""How many webhooks per second two web processes verify, store, queue and acknowledge, while no worker runs.

Each has a signature of its own. All come from four addresses, as those of Plaid do.
"""

import statistics

from django.urls import reverse

from banking.models import Item
from bench.harness import database
from bench.harness.bank import serve_over_http
from bench.harness.load import build_get_request, send_requests
from bench.harness.rounds import Case, goal_at_least, median, print_result, ratios, run_rounds
from bench.harness.servers import SITE, Address, collect_static_files, serve
from bench.harness.webhooks import Signer
from compliance.isolation import tenant
from config.celery import app

WEBHOOKS = 600
LEAST_PER_SECOND = 200
PROCESSES = 2


def list_item_ids() -> list[str]:
    """The provider's ids of the Items that the webhooks name."""
    user = database.get_new_user()
    with tenant(user.pk):
        return list(Item.objects.for_user(user).values_list("provider_item_id", flat=True))


def build_webhooks(signer: Signer, item_ids: list[str]) -> list[bytes]:
    """Build the requests of a round, from a few addresses, over connections that stay open."""
    path = reverse("webhook-plaid")
    return [signer.build_request(path, item_ids[number % len(item_ids)], number=number) for number in range(WEBHOOKS)]


def make_cases(signer: Signer, address: Address) -> dict[str, Case]:
    """The receiver, and the sign-in page, which shows how fast this machine is."""
    item_ids = list_item_ids()
    sign_in = [build_get_request(reverse("account_login"))] * WEBHOOKS
    return {
        "webhooks": lambda: send_requests(address, build_webhooks(signer, item_ids)).rate,
        "sign_in": lambda: send_requests(address, sign_in).rate,
    }


def main() -> None:
    database.prepare()
    signer = Signer()
    environment = {"WEB_WORKERS": str(PROCESSES), "TRUSTED_PROXY_COUNT": "1"}
    try:
        with (
            serve_over_http(signer) as plaid,
            collect_static_files(),
            serve(SITE, PLAID_URL=plaid, **environment) as address,
        ):
            rounds = run_rounds(make_cases(signer, address))
    finally:
        # No worker has taken the jobs, and other benches start workers.
        app.control.purge()
    print_result(
        "syncs.webhooks",
        {"webhooks_per_second": goal_at_least(LEAST_PER_SECOND, [figures["webhooks"] for figures in rounds])},
        sign_in_pages_per_second=median(rounds, "sign_in"),
        webhooks_per_sign_in_page=round(statistics.median(ratios(rounds, "webhooks", "sign_in")), 3),
    )


if __name__ == "__main__":
    main()
