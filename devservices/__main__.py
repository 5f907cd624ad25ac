"""``python -m devservices exec -- COMMAND``: run a command with a PostgreSQL and a Redis of its own."""

import argparse
import sys

from devservices import CannotStart, ephemeral


def main() -> int:
    """Return the command's own exit code, or 1 when the services could not be started."""
    parser = argparse.ArgumentParser(prog="python -m devservices", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    execute = actions.add_parser("exec", help="run a command with throw-away services")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    command = list(parser.parse_args().command)
    if command[:1] == ["--"]:
        command = command[1:]
    if not command:
        parser.error("name a command to run, after `exec --`")
    try:
        return ephemeral.run_with_services(command)
    except CannotStart as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
