"""``python -m bench [NAME...]`` runs all benches or those named, on one database. Exits with 1 if a goal is missed."""

import json
import subprocess
import sys

# syncs.fresh_import comes first because it needs an empty database, and the last two come last because the rows
# that they store would slow down the others.
BENCHES = (
    "syncs.fresh_import", "pages", "overview", "slow_bodies", "frozen", "stops", "transactions", "isolation", "sign_in",
    "syncs.webhooks", "syncs.webhook_delivery", "syncs.job_overhead", "rules", "credit", "credit_pages",
    "limits.drain", "limits.dispatch",
    "privacy.audit", "privacy.export", "privacy.retention", "syncs.schedules", "syncs.ingest", "syncs.table_growth",
)  # fmt: skip


def main() -> int:
    """Run each bench in its own process, and print its line of JSON."""
    return max(run_bench(bench) for bench in sys.argv[1:] or BENCHES)


def run_bench(bench: str) -> int:
    """Return 1 if a goal of the bench is missed, else 0. Raises ``CalledProcessError`` if the bench itself fails."""
    done = subprocess.run([sys.executable, "-m", f"bench.{bench}"], stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout, end="", flush=True)
    goals = json.loads(done.stdout)["goals"].values()
    return 0 if all(goal["met"] for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
