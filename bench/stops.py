"""SIGTERM at thirty random times: how long the web server takes to exit, and whether processes are left."""

import random
import subprocess
import time

import psutil
from django.core.management import call_command

from bench.harness.rounds import goal_at_most, print_result
from bench.harness.servers import SITE, STOP_SECONDS, collect_static_files, start_server, wait_until_ready
from bench.slow_bodies import run_slow_senders

STOPS = 30
MOST_SECONDS_BEFORE_STOP = 6
# A start takes about two seconds, so a third of the stops come before it is complete.
START_SECONDS = 3


def stop_once(after: float) -> tuple[float, int]:
    """Start the site and stop it after this many seconds, while slow requests are open if it is ready by then.

    Returns the seconds that the stop took, and the number of processes that are left.
    """
    with start_server(SITE) as server:
        if after > START_SECONDS and wait_until_ready(server.address, server.process):
            with run_slow_senders(server.address):
                return measure_stop(server.process)
        time.sleep(after)
        return measure_stop(server.process)


def measure_stop(process: "subprocess.Popen[bytes]") -> tuple[float, int]:
    """Send SIGTERM; return the seconds until all processes have ended, and the number of those that have not."""
    main = psutil.Process(process.pid)
    processes = [main, *main.children(recursive=True)]
    started = time.perf_counter()
    process.terminate()
    _, left = psutil.wait_procs(processes, timeout=3 * STOP_SECONDS)
    return time.perf_counter() - started, len(left)


def main() -> None:
    call_command("setup_database", verbosity=0)
    call_command("migrate", database="owner", verbosity=0)
    with collect_static_files():
        stops = [stop_once(random.uniform(0, MOST_SECONDS_BEFORE_STOP)) for _ in range(STOPS)]
    print_result(
        "stops",
        {
            "slowest_of_30_seconds": goal_at_most(STOP_SECONDS, [max(seconds for seconds, _ in stops)]),
            "processes_left": goal_at_most(0, [sum(left for _, left in stops)]),
        },
        seconds=sorted(round(seconds, 2) for seconds, _ in stops),
    )


if __name__ == "__main__":
    main()
