"""Prints the site's address once the site responds, and creates the demo user.

Run as ``python -m devservices.welcome PORT HOME``, in its own process, so that nothing waits for it and Ctrl-C ends it.
"""

import http.client
import subprocess
import sys
import time

from devservices.data_dir import CHECKOUT

START_SECONDS = 60
DEMO_USER = CHECKOUT / "config" / "management" / "commands" / "demo_user.py"


def main(port: str, home: str) -> int:
    """Print where the site, the mailbox and the data are, and the demo login. Returns 1 if the site did not start."""
    if not wait_until_ready(int(port)):
        return 1
    address = f"http://localhost:{port}"
    print_lines(
        f"Plumbline runs at  {address}", f"Mails it sends     {address}/_sandbox/mailbox/", f"Its data lie in    {home}"
    )
    if DEMO_USER.exists():
        print_lines(*create_demo_user())
    print_lines("Ctrl-C stops it all; the next `make run` goes on from there.")
    return 0


def wait_until_ready(port: int) -> bool:
    """Wait until the site responds; return False if it did not in time."""
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def is_ready(port: int) -> bool:
    """Whether the site responds on its own port, without a proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/live", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def create_demo_user() -> list[str]:
    """Create the demo user, and return the lines to print: the login, or why there is none."""
    result = subprocess.run(
        [sys.executable, "manage.py", "demo_user"],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        return ["There is no demo login, because `manage.py demo_user` failed:", *result.stderr.splitlines()[-5:]]
    return [f"Demo login         {line}" for line in result.stdout.splitlines()]


def print_lines(*lines: str) -> None:
    """Print lines with a margin, so that they can be told from the output of the processes."""
    text = "".join(f"  {line}\n" for line in lines)
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
