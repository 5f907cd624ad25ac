"""A temporary PostgreSQL and Redis for one command.

The cluster is a copy of a template that initdb created earlier, so that everything starts within a second.
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
from devservices.account import ServiceAccount, ensure_service_account
from devservices.data_dir import DATABASE, DataDir, build_settings, fingerprint, locate, make_private, prepare
from devservices.postgres import LOCALE, Cluster
from devservices.programs import POSTGRES_WHEEL

PASSED_SETTINGS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_OPS_URL",
    "DATABASE_VIEWER_URL",
    "DATABASE_ADMIN_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "FIELD_KEYS",
    "SIGNING_KEYS",
)
NO_PASSWORDS = {f"{role}_PASSWORD": "" for role in ("ADMIN", "OWNER", "RW", "OPS", "VIEWER")}
NO_PORTS = {"SANDBOX_PORT": "", "SANDBOX_SMTP_PORT": ""}


def run_with_services(command: Sequence[str]) -> int:
    """Run a command with its own services, and return its exit code."""
    exit_on_signals()
    with run_services() as (data_dir, environment):
        supervised = supervise.build_command(data_dir.lock, command, foreground=True)
        return wait(subprocess.Popen(supervised, env=os.environ | environment))


def exit_on_signals() -> None:
    """Raise SystemExit on SIGTERM and SIGHUP, instead of ending at once, so that the services are stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    # A shell starts background commands with SIGINT ignored, but `kill -INT` has to stop them too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait(command: "subprocess.Popen[bytes]") -> int:
    """Wait for the command, and return its exit code. The terminal sends it Ctrl-C; we forward other signals."""
    while True:
        try:
            return command.wait()
        except KeyboardInterrupt:
            if not in_terminal_foreground():
                command.terminate()
        except SystemExit:
            command.terminate()


def in_terminal_foreground() -> bool:
    """Whether a terminal sends Ctrl-C to our process group."""
    with suppress(OSError), Path("/dev/tty").open() as terminal:
        return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    return False


@contextmanager
def run_services() -> Iterator[tuple[DataDir, dict[str, str]]]:
    """Start both services, and yield their data directory and the settings with which to connect to them."""
    account = ensure_service_account()
    with create_data_dir(locate(), account) as data_dir:
        database = Cluster(data_dir, durable=False, account=account).start()
        try:
            broker = redis.start(data_dir, save=redis.SAVE_NEVER)
            try:
                yield data_dir, create_database(data_dir)
            finally:
                broker.stop()
        finally:
            database.stop()


def create_database(data_dir: DataDir) -> dict[str, str]:
    """Create the roles and the site's database, and return the settings with which to connect to the services."""
    urls = build_settings(data_dir.sockets, keys.generate() | NO_PASSWORDS, NO_PORTS)
    setup_database(admin_url=urls["DATABASE_ADMIN_URL"], database=DATABASE, logins=[])
    return {name: urls[name] for name in PASSED_SETTINGS}


@contextmanager
def create_data_dir(checkout_data: DataDir, account: ServiceAccount | None) -> Iterator[DataDir]:
    """Create a data directory with a new cluster, hold its lock until the block ends, and delete it."""
    mode = 0o711 if account else 0o700
    folder = make_private(make_private(checkout_data.root, mode) / "test", mode)
    with lock_folder(folder):
        remove_leftovers(folder, account)
        template = ensure_template(folder, account)
        data_dir = prepare(DataDir(Path(tempfile.mkdtemp(prefix="run-", dir=folder))), account)
        lock = supervise.hold(data_dir.lock)
    try:
        copy_cluster(template, data_dir)
        yield data_dir
    finally:
        remove(data_dir)
        if lock:
            lock.close()


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock the folder, so that only one process at a time removes leftovers or creates the template."""
    with (folder / "lock").open("a") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


def remove_leftovers(folder: Path, account: ServiceAccount | None) -> None:
    """Remove the processes and data of runs that were killed. Other runs hold their lock until they have ended."""
    for root in folder.glob("run-*"):
        data_dir = DataDir(root)
        if lock := supervise.hold(data_dir.lock):
            Cluster(data_dir, account=account).end_leftover()
            redis.end_leftover(data_dir.sockets / "redis.sock")
            remove(data_dir)
            lock.close()


def ensure_template(folder: Path, account: ServiceAccount | None) -> DataDir:
    """Return a data directory with a never started cluster, created again if PostgreSQL or the locale changes."""
    version = importlib.metadata.version(POSTGRES_WHEEL)
    template = DataDir(folder / f"template-{fingerprint(Path(version, *LOCALE))}")
    cluster = Cluster(template, account=account)
    if not cluster.exists():
        for outdated in folder.glob("template-*"):
            shutil.rmtree(outdated)
        prepare(template, account)
        cluster.create()
    return template


def copy_cluster(template: DataDir, data_dir: DataDir) -> None:
    """Copy the template's cluster. ``cp`` preserves the owner, which shutil.copytree does not."""
    subprocess.run(["cp", "-a", str(template.root / "postgres"), str(data_dir.root / "postgres")], check=True)


def remove(data_dir: DataDir) -> None:
    """Delete a data directory and its sockets, which may be outside it."""
    shutil.rmtree(data_dir.sockets, ignore_errors=True)
    shutil.rmtree(data_dir.root, ignore_errors=True)
