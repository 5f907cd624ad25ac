"""The command line: ``python -m sandbox serve --port 8100 --data var/sandbox``."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import waitress

from sandbox.app import Application
from sandbox.bank import scheduler
from sandbox.bank.items import PROFILES
from sandbox.bureau import headers
from sandbox.context import AppContext, open_context
from sandbox.mailbox import smtp
from sandbox.webhooks.outbox import Sender

HOST = "127.0.0.1"
THREADS = 16
NO_KEYS = "sandbox: set SANDBOX_CLIENT_ID and SANDBOX_SECRET, or pass --client-id and --secret"


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m sandbox", description="A local Plaid, a local bureau, a mailbox.")
    serve_ = top.add_subparsers(dest="command", required=True).add_parser("serve", help="run until interrupted")
    serve_.add_argument("--port", type=int, required=True, help="HTTP port on 127.0.0.1")
    serve_.add_argument("--data", type=Path, required=True, help="directory that holds all state")
    serve_.add_argument("--smtp-port", type=int, help="take mail on this port of 127.0.0.1")
    serve_.add_argument(
        "--profile",
        choices=sorted(PROFILES),
        default="fast",
        help="how long history takes to arrive: instant, fast (3 seconds) or real (a minute)",
    )
    serve_.add_argument("--client-id", default=os.environ.get("SANDBOX_CLIENT_ID"), help="or SANDBOX_CLIENT_ID")
    serve_.add_argument("--secret", default=os.environ.get("SANDBOX_SECRET"), help="or SANDBOX_SECRET")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = build_parser().parse_args(arguments)
    if not options.client_id or not options.secret:
        print(NO_KEYS, file=sys.stderr)  # noqa: T201
        return 2
    logging.basicConfig(level=logging.INFO, format="sandbox: %(message)s")
    logging.getLogger("waitress").setLevel(logging.ERROR)
    context = open_context(
        options.data,
        client_id=options.client_id,
        secret=options.secret,
        admin_token=os.environ.get("SANDBOX_ADMIN_TOKEN", ""),
        profile=options.profile,
    )
    serve(context, options.port, options.smtp_port)
    return 0


def serve(context: AppContext, port: int, smtp_port: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM. Prints one line when it is ready."""
    server = waitress.create_server(Application(context), host=HOST, port=port, threads=THREADS, ident=None)
    headers.allow_underscores(server)
    sender = Sender(context)
    sender.start()
    scheduler_thread = scheduler.start(context)
    smtp_server = smtp.listen(context, smtp_port) if smtp_port else None
    _stop_on_signal(context)
    print(f"sandbox: ready on http://{HOST}:{server.effective_port}", flush=True)  # noqa: T201
    try:
        server.run()
    finally:
        context.stopping.set()
        server.close()
        sender.join()
        scheduler_thread.join()
        if smtp_server:
            smtp_server.stop()


def _stop_on_signal(context: AppContext) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        context.stopping.set()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    sys.exit(main())
