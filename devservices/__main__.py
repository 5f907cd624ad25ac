"""``python -m devservices exec -- COMMAND`` runs a command with its own temporary PostgreSQL and Redis."""

import argparse
import sys

from devservices import CannotStart, ephemeral


def main() -> int:
    """Return the command's exit code, or 1 if the services could not be started."""
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
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
