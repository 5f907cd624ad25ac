"""SIGTERM at thirty random moments: how long web takes to end, and that nothing of it is left."""

import random
import subprocess
import time

import psutil
from django.core.management import call_command

from bench.harness.rounds import at_most, print_result
from bench.harness.servers import SITE, STOP_SECONDS, start_server, static_files, wait_until_ready
from bench.slow_bodies import slow_senders

STOPS = 30
LONGEST_LIFE = 6
# A start takes about two seconds: a third of the stops come before it is over.
SENT_TO_AFTER = 3


def stop_once(after: float) -> tuple[float, int]:
    """Let the site live for so many seconds, then end it, among slow senders if it is up by then.

    Gives how many seconds its end took, and how many of its processes are left.
    """
    with start_server(SITE) as server:
        if after > SENT_TO_AFTER and wait_until_ready(server.address, server.process):
            with slow_senders(server.address):
                return timed_stop(server.process)
        time.sleep(after)
        return timed_stop(server.process)


def timed_stop(process: "subprocess.Popen[bytes]") -> tuple[float, int]:
    main = psutil.Process(process.pid)
    family = [main, *main.children(recursive=True)]
    began = time.perf_counter()
    process.terminate()
    _, left = psutil.wait_procs(family, timeout=3 * STOP_SECONDS)
    return time.perf_counter() - began, len(left)


def main() -> None:
    call_command("setup_database", verbosity=0)
    call_command("migrate", database="owner", verbosity=0)
    with static_files():
        ends = [stop_once(random.uniform(0, LONGEST_LIFE)) for _ in range(STOPS)]
    print_result(
        "stops",
        {
            "slowest_of_30_seconds": at_most(STOP_SECONDS, [max(seconds for seconds, _ in ends)]),
            "processes_left": at_most(0, [sum(left for _, left in ends)]),
        },
        seconds=sorted(round(seconds, 2) for seconds, _ in ends),
    )


if __name__ == "__main__":
    main()
