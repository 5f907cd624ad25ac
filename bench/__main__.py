"""``python -m bench``: every bench, or those that are named, over one database. Ends with 1 when a goal is missed."""

import json
import subprocess
import sys

# The import into a new database comes first, and the sync last: what that stores makes the table larger for whatever
# follows.
BENCHES = (
    "fresh_import", "pages", "overview", "slow_bodies", "frozen", "stops", "transactions", "isolation", "sign_in",
    "credit", "credit_pages", "sync",
)  # fmt: skip


def main() -> int:
    """Run each bench in a process of its own, and pass its line on."""
    return max(run_bench(bench) for bench in sys.argv[1:] or BENCHES)


def run_bench(bench: str) -> int:
    """Return 1 when a goal of the bench is missed. Raises ``CalledProcessError`` when the bench itself breaks."""
    done = subprocess.run([sys.executable, "-m", f"bench.{bench}"], stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout, end="", flush=True)
    goals = json.loads(done.stdout)["goals"].values()
    return 0 if all(goal["met"] for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
