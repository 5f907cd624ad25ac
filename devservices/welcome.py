"""Say where the site is, once it answers, and fill it for a newcomer: ``python -m devservices.welcome PORT HOME``.

A process of its own beside the others, so that nothing waits for it and Ctrl-C ends it with them.
"""

import http.client
import subprocess
import sys
import time

from devservices.data_dir import CHECKOUT

ANSWER_SECONDS = 60
DEMO_USER = CHECKOUT / "config" / "management" / "commands" / "demo_user.py"


def main(port: str, home: str) -> int:
    """Print where everything is, then what the demo user's command has to say."""
    if not answers_in_time(int(port)):
        return 1
    address = f"http://localhost:{port}"
    print_lines(
        f"Plumbline runs at  {address}", f"Mails it sends     {address}/_sandbox/mailbox/", f"Its data lie in    {home}"
    )
    if DEMO_USER.exists():
        print_lines(*demo_user())
    print_lines("Ctrl-C stops it all; the next `make run` goes on from there.")
    return 0


def answers_in_time(port: int) -> bool:
    """Wait until the site answers; say whether it did."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while not is_listening(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def is_listening(port: int) -> bool:
    """Say whether the site answers, by its own port and not through any proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/live", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def demo_user() -> list[str]:
    """Fill the site through its real code path; return the login's lines, or why there is none."""
    done = subprocess.run(
        [sys.executable, "manage.py", "demo_user"],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return ["There is no demo login, because `manage.py demo_user` failed:", *done.stderr.splitlines()[-5:]]
    return [f"Demo login         {line}" for line in done.stdout.splitlines()]


def print_lines(*lines: str) -> None:
    """Print lines that stand out among those of the processes."""
    text = "".join(f"  {line}\n" for line in lines)
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
