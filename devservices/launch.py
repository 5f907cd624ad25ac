"""``make run``: from a bare checkout to a running Plumbline, one line per step, and back to nothing on Ctrl-C.

PostgreSQL and Redis are started here and not from Procfile.dev, because the tables have to stand before the first
of its processes starts, and have to be there until the last one has ended.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType

import environ
import psutil
from honcho.environ import parse_procfile
from honcho.printer import Printer

from compliance.isolation.roles import OTHER_VERSION_EXIT_CODE
from devservices import CannotStart, envfile, keys, ports, redis, supervise
from devservices.account import ServiceAccount, service_account
from devservices.data_dir import CHECKOUT, DataDir, addresses, locate, make_private, prepare
from devservices.manager import ProgramManager
from devservices.postgres import Cluster

PROCFILE = CHECKOUT / "Procfile.dev"
# A killed run's services need up to this long to end; they hold the lock until they have.
LOCK_SECONDS = 30
# Below honcho's own patience of 5 seconds, after which it would kill the supervisor and not its program.
GRACE_SECONDS = 4
# The processes of the site never see the superuser's address.
ADMIN = "DATABASE_ADMIN_URL"
# Whether and where Python keeps the bytecode that it compiles.
BYTECODE = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
# What honcho returns after SIGINT and SIGTERM.
STOPPED_ON_PURPOSE = (130, 143)


def main() -> int:
    """Return 0 after Ctrl-C, 1 if a process could not start or exited unexpectedly."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        with ExitStack() as stack:
            return launch(stack)
    except CannotStart as trouble:
        sys.stderr.write(f"\n\n{trouble}\n")
        return 1
    except KeyboardInterrupt:
        sys.stdout.write("\nStopped.\n")
        return 0


def launch(stack: ExitStack) -> int:
    """Start everything, serve until asked to stop or until a process ends, and return the exit code.

    What was started is stopped by the stack, in reverse order.
    """
    environ.Env.read_env(CHECKOUT / ".env")
    account = service_account()
    data_dir = prepare(locate(), account)
    stack.enter_context(only_run(data_dir))
    web = stack.enter_context(ports.reserve_port(os.environ.get("PORT", "")))
    settings = start_services(data_dir, account, stack)
    envfile.write(data_dir.site_environment, settings, "Written by `make run` for `manage.py`, at each start.")
    site = site_environment(settings, web.port)
    prepare_database(data_dir, site, settings)
    if not is_true(site["DEBUG"]):
        with step("Static files"):
            manage("collectstatic", "--noinput", env=site)
    if web.note:
        say(f"  {web.note}")
    return serve(data_dir, site, sandbox_environment(data_dir, settings), stack)


# --- Steps ------------------------------------------------------------------------------------------------


def say(line: str) -> None:
    """Print a line without buffering."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print what is being done, then how long it took."""
    sys.stdout.write(f"  {title:<42}")
    sys.stdout.flush()
    started = time.monotonic()
    yield
    say(f"{time.monotonic() - started:6.1f} s")


@contextmanager
def only_run(data_dir: DataDir) -> Iterator[None]:
    """Hold the data directory's lock, by which our processes also notice that we are gone.

    Raises CannotStart when another run lives. Waits for one that is ending.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while (held := supervise.hold(data_dir.lock)) is None:
        if holder := living_holder(data_dir):
            raise CannotStart(f"Plumbline already runs from this checkout, as process {holder}. Stop that one first.")
        if time.monotonic() > deadline:
            raise CannotStart(f"Processes of an earlier run still hold {data_dir.lock}. End them, then try again.")
        time.sleep(0.1)
    with held:
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield


def living_holder(data_dir: DataDir) -> int | None:
    """Return the process id in the lock file while that process lives."""
    text = data_dir.lock.read_text()
    if not text.isdecimal():
        return None
    try:
        gone = psutil.Process(int(text)).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return None if gone else int(text)


# --- Services and settings --------------------------------------------------------------------------------


def start_services(data_dir: DataDir, account: ServiceAccount | None, stack: ExitStack) -> dict[str, str]:
    """Start those that no setting names another one for, and return the settings that lead to them.

    A database of one's own brings all its roles: none of ours is mixed in.
    """
    brings_database = "DATABASE_URL" in os.environ
    own = keys.ensure(data_dir, has_data=False) if brings_database else start_postgres(data_dir, account, stack)
    if "REDIS_URL" not in os.environ:
        with step("Redis"):
            stack.callback(redis.start(data_dir, save=redis.KEPT).stop)
    settings = addresses(data_dir.sockets, own, ports.ensure_sandbox_ports(data_dir))
    return {name: value for name, value in settings.items() if not (brings_database and name.startswith("DATABASE_"))}


def start_postgres(data_dir: DataDir, account: ServiceAccount | None, stack: ExitStack) -> dict[str, str]:
    """Start PostgreSQL, making its cluster the first time, and return the data directory's keys."""
    exists = Cluster(data_dir).exists()
    own = keys.ensure(data_dir, has_data=exists)
    cluster = Cluster(data_dir, own["ADMIN_PASSWORD"], account=account)
    if not exists:
        with step("A new database cluster"):
            cluster.create()
    with step("PostgreSQL"):
        stack.callback(cluster.start().stop)
    return own


def site_environment(settings: dict[str, str], port: int) -> dict[str, str]:
    """Return the environment of web, worker and beat. What a person has set wins over what we would say."""
    ours = {name: value for name, value in settings.items() if name != ADMIN}
    ours |= {"DEBUG": "1", "PUBLIC_URL": f"http://localhost:{port}"}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return ours | dict(os.environ) | {"PORT": str(port), "PATH": programs, "PYTHONUNBUFFERED": "1"}


def sandbox_environment(data_dir: DataDir, settings: dict[str, str]) -> dict[str, str]:
    """Return what the sandbox needs to know. It gets no key and no address of the site's services."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        **{name: os.environ[name] for name in BYTECODE if name in os.environ},
        "SANDBOX_DATA": str(make_private(data_dir.root / "sandbox")),
        "SANDBOX_CLIENT_ID": settings["PLAID_CLIENT_ID"],
        "SANDBOX_SECRET": settings["PLAID_SECRET"],
        **envfile.read_env_file(data_dir.ports),
    }


def prepare_database(data_dir: DataDir, site: dict[str, str], settings: dict[str, str]) -> None:
    """Bring roles and tables to the state that the code expects.

    Raises CannotStart, and changes nothing, where another version of Plumbline made the database.
    """
    if admin := os.environ.get(ADMIN) or settings.get(ADMIN):
        with step("Database roles and tables"):
            advice = {OTHER_VERSION_EXIT_CODE: data_dir_advice(data_dir)} if ADMIN in settings else {}
            manage("setup_database", "--migrate", env=site | {ADMIN: admin}, advice=advice)
    else:
        with step("Tables"):
            manage("migrate", "--database", "owner", "--noinput", env=site)


def data_dir_advice(data_dir: DataDir) -> str:
    """Say how to start with an empty embedded database."""
    return (
        f"The database is in {data_dir.root}. To start with an empty one, set PLUMBLINE_HOME to a new folder, or move "
        f"{data_dir.root} away."
    )


def is_true(flag: str) -> bool:
    """Read a flag as the settings do. With DEBUG the static files are served from where they lie."""
    return flag.lower() in environ.Env.BOOLEAN_TRUE_STRINGS


def manage(*arguments: str, env: dict[str, str], advice: Mapping[int, str] = MappingProxyType({})) -> None:
    """Run a management command.

    Raises CannotStart with the end of its output when it fails, and with the advice for its exit code.
    """
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        text = f"`manage.py {arguments[0]}` failed:\n{last}\n{advice.get(done.returncode, '')}"
        raise CannotStart(text.rstrip())


# --- The processes ----------------------------------------------------------------------------------------


def serve(data_dir: DataDir, site: dict[str, str], sandbox: dict[str, str], stack: ExitStack) -> int:
    """Run the lines of Procfile.dev until asked to stop or until one of them ends, and return the exit code."""
    manager = ProgramManager(Printer(sys.stdout))
    for name, line in parse_procfile(PROCFILE.read_text()).processes.items():
        command = supervise.command(data_dir.lock, ["/bin/sh", "-c", f"exec {line}"], grace=GRACE_SECONDS)
        manager.add_process(
            name, f"exec {shlex.join(command)}", env=sandbox if name == "sandbox" else site, cwd=str(CHECKOUT)
        )
    stack.callback(welcome(data_dir, site).terminate)
    # honcho knows what to do on SIGTERM; a terminal that closes sends SIGHUP.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    if manager.returncode in STOPPED_ON_PURPOSE:
        say("Stopped. `make run` goes on where you left off.")
        return 0
    say("One of the processes ended by itself, so all were stopped. Its last words are above.")
    return 1


def welcome(data_dir: DataDir, site: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start the program that says where the site is, once it answers."""
    program = [sys.executable, "-m", "devservices.welcome", site["PORT"], str(data_dir.root)]
    return subprocess.Popen(
        supervise.command(data_dir.lock, program, grace=GRACE_SECONDS), cwd=CHECKOUT, env=site, start_new_session=True
    )


if __name__ == "__main__":
    sys.exit(main())
