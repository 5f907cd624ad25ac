"""A PostgreSQL and a Redis for one command: empty at first, gone afterwards.

The cluster is a copy of one that initdb made earlier, so all stands within a second.
"""

import fcntl
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from compliance.isolation.roles import setup_database
from devservices import keys, redis, supervise
from devservices.account import ServiceAccount, service_account
from devservices.data_dir import DATABASE, DataDir, addresses, fingerprint, locate, make_private, prepare
from devservices.postgres import LOCALE, Cluster
from devservices.programs import POSTGRES_WHEEL

PASSED_ON = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_OPS_URL",
    "DATABASE_VIEWER_URL",
    "DATABASE_ADMIN_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "FIELD_KEYS",
)
NO_PASSWORDS = {f"{role}_PASSWORD": "" for role in ("ADMIN", "OWNER", "RW", "OPS", "VIEWER")}
NO_PORTS = {"SANDBOX_PORT": "", "SANDBOX_SMTP_PORT": ""}


def run_with_services(command: Sequence[str]) -> int:
    """Run a command with services of its own, and return its exit code."""
    end_on_signals()
    with services() as (data_dir, environment):
        supervised = supervise.command(data_dir.lock, command, foreground=True)
        return wait(subprocess.Popen(supervised, env=os.environ | environment))


def end_on_signals() -> None:
    """Let the signals that would end us on the spot unwind us instead, so that the services are stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    # A shell starts background commands with Ctrl-C ignored; a kill -INT has to end those as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait(command: "subprocess.Popen[bytes]") -> int:
    """Wait for the command. It gets Ctrl-C from the terminal itself; other signals are passed on by us."""
    while True:
        try:
            return command.wait()
        except KeyboardInterrupt:
            if not in_terminal_foreground():
                command.terminate()
        except SystemExit:
            command.terminate()


def in_terminal_foreground() -> bool:
    """Say whether a terminal sends its Ctrl-C to our process group."""
    with suppress(OSError), Path("/dev/tty").open() as terminal:
        return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    return False


@contextmanager
def services() -> Iterator[tuple[DataDir, dict[str, str]]]:
    """Start both services; give their data directory and the settings by which they are reached."""
    account = service_account()
    with new_data_dir(locate(), account) as data_dir:
        database = Cluster(data_dir, precious=False, account=account).start()
        try:
            broker = redis.start(data_dir, save=redis.FORGOTTEN)
            try:
                yield data_dir, settings(data_dir)
            finally:
                broker.stop()
        finally:
            database.stop()


def settings(data_dir: DataDir) -> dict[str, str]:
    """Create the roles and the site's database, and return how to reach everything."""
    urls = addresses(data_dir.sockets, keys.make() | NO_PASSWORDS, NO_PORTS)
    setup_database(admin_url=urls["DATABASE_ADMIN_URL"], database=DATABASE, logins=[])
    return {name: urls[name] for name in PASSED_ON}


@contextmanager
def new_data_dir(checkout_data: DataDir, account: ServiceAccount | None) -> Iterator[DataDir]:
    """Make a data directory with a fresh cluster in it, hold its lock, and remove it afterwards."""
    mode = 0o711 if account else 0o700
    place = make_private(make_private(checkout_data.root, mode) / "test", mode)
    with one_at_a_time(place):
        sweep(place, account)
        template = ensure_template(place, account)
        data_dir = prepare(DataDir(Path(tempfile.mkdtemp(prefix="run-", dir=place))), account)
        held = supervise.hold(data_dir.lock)
    try:
        copy_cluster(template, data_dir)
        yield data_dir
    finally:
        remove(data_dir)
        if held:
            held.close()


@contextmanager
def one_at_a_time(place: Path) -> Iterator[None]:
    """Keep out the others who would tidy up here, or make the template, at this moment."""
    with (place / "lock").open("a") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


def sweep(place: Path, account: ServiceAccount | None) -> None:
    """Remove what killed runs left behind. A run that lives, or is still ending, holds its lock."""
    for folder in place.glob("run-*"):
        data_dir = DataDir(folder)
        if held := supervise.hold(data_dir.lock):
            Cluster(data_dir, account=account).end_leftover()
            redis.end_leftover(data_dir.sockets / "redis.sock")
            remove(data_dir)
            held.close()


def ensure_template(place: Path, account: ServiceAccount | None) -> DataDir:
    """Return a data directory with a cluster that is never started; make it when initdb itself has changed."""
    version = importlib.metadata.version(POSTGRES_WHEEL)
    template = DataDir(place / f"template-{fingerprint(Path(version, *LOCALE))}")
    cluster = Cluster(template, account=account)
    if not cluster.exists():
        for outdated in place.glob("template-*"):
            shutil.rmtree(outdated)
        prepare(template, account)
        cluster.create()
    return template


def copy_cluster(template: DataDir, data_dir: DataDir) -> None:
    """Copy the template's cluster, with its owner: shutil.copytree would leave that out."""
    subprocess.run(["cp", "-a", str(template.root / "postgres"), str(data_dir.root / "postgres")], check=True)


def remove(data_dir: DataDir) -> None:
    """Delete a data directory, with the sockets that may lie outside it."""
    shutil.rmtree(data_dir.sockets, ignore_errors=True)
    shutil.rmtree(data_dir.root, ignore_errors=True)
