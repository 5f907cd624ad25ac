"""``python -m bench``: every bench, one after the other, over one database. Ends with 1 when a goal is missed."""

import json
import subprocess
import sys

# The sync comes last: what it stores makes the table larger for whatever follows.
BENCHES = ("pages", "overview", "transactions", "isolation", "sync")


def main() -> int:
    """Run each bench in a process of its own, and pass its line on."""
    return max(run(bench) for bench in BENCHES)


def run(bench: str) -> int:
    done = subprocess.run([sys.executable, "-m", f"bench.{bench}"], stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout, end="", flush=True)
    goals = json.loads(done.stdout)["goals"].values()
    return 0 if all(goal["met"] for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
