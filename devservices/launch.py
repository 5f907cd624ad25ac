"""``make run`` starts Plumbline in a new checkout, prints a line for each step, and stops everything on Ctrl-C.

PostgreSQL and Redis are not started by Procfile.dev, because they have to run, with all tables, before the first of its
processes starts and until the last one has ended.
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
from devservices.account import ServiceAccount, ensure_service_account
from devservices.data_dir import CHECKOUT, DataDir, build_settings, locate, make_private, prepare
from devservices.manager import ProgramManager
from devservices.postgres import Cluster

PROCFILE = CHECKOUT / "Procfile.dev"
# The services of a run that was killed hold the lock until they have ended, which takes up to this time.
LOCK_SECONDS = 30
# Less than the 5 seconds after which honcho would kill the supervisor and not its program.
GRACE_SECONDS = 4
# The processes of the site do not get this setting, because it is the superuser's.
ADMIN_SETTING = "DATABASE_ADMIN_URL"
# Whether and where Python keeps the bytecode that it compiles.
BYTECODE = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
# What honcho returns after SIGINT and SIGTERM.
STOPPED_BY_SIGNAL = (130, 143)


def main() -> int:
    """Run Plumbline. Returns 0 after Ctrl-C, 1 if a process could not start or exited unexpectedly."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        with ExitStack() as stack:
            return launch(stack)
    except CannotStart as error:
        sys.stderr.write(f"\n\n{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stdout.write("\nStopped.\n")
        return 0


def launch(stack: ExitStack) -> int:
    """Start everything, run until a signal or until a process ends, and return the exit code.

    The stack stops in reverse order what was started.
    """
    environ.Env.read_env(CHECKOUT / ".env")
    account = ensure_service_account()
    data_dir = prepare(locate(), account)
    stack.enter_context(hold_lock(data_dir))
    web = stack.enter_context(ports.reserve_port(os.environ.get("PORT", "")))
    settings = start_services(data_dir, account, stack)
    envfile.write_env_file(data_dir.site_environment, settings, "Written by `make run` for `manage.py`, at each start.")
    site = site_environment(settings, web.port)
    prepare_database(data_dir, site, settings)
    # With DEBUG, static files are served from their source folders.
    if not is_true(site["DEBUG"]):
        with time_step("Static files"):
            run_manage("collectstatic", "--noinput", env=site)
    if web.note:
        print_line(f"  {web.note}")
    return serve(data_dir, site, sandbox_environment(data_dir, settings), stack)


# --- Steps ------------------------------------------------------------------------------------------------


def print_line(line: str) -> None:
    """Print a line without buffering."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def time_step(title: str) -> Iterator[None]:
    """Print the title of a step, and after the block the seconds that it took."""
    sys.stdout.write(f"  {title:<42}")
    sys.stdout.flush()
    started = time.monotonic()
    yield
    print_line(f"{time.monotonic() - started:6.1f} s")


@contextmanager
def hold_lock(data_dir: DataDir) -> Iterator[None]:
    """Hold the data directory's lock until the block ends; when it is released, the supervisors stop their programs.

    Waits for a run that is ending. Raises CannotStart if another one is running.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while (lock := supervise.hold(data_dir.lock)) is None:
        if holder := find_lock_holder(data_dir):
            raise CannotStart(f"Plumbline already runs from this checkout, as process {holder}. Stop that one first.")
        if time.monotonic() > deadline:
            raise CannotStart(f"Processes of an earlier run still hold {data_dir.lock}. End them, then try again.")
        time.sleep(0.1)
    with lock:
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def find_lock_holder(data_dir: DataDir) -> int | None:
    """Return the process id in the lock file, or None if that process is not running."""
    text = data_dir.lock.read_text()
    if not text.isdecimal():
        return None
    try:
        has_ended = psutil.Process(int(text)).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return None if has_ended else int(text)


# --- Services and settings --------------------------------------------------------------------------------


def start_services(data_dir: DataDir, account: ServiceAccount | None, stack: ExitStack) -> dict[str, str]:
    """Start the services that the environment does not configure, and return the settings to connect to them.

    If DATABASE_URL is set, no setting of the embedded database is returned, not even for the other roles.
    """
    has_own_database = "DATABASE_URL" in os.environ
    secrets = keys.ensure(data_dir, has_data=False) if has_own_database else start_postgres(data_dir, account, stack)
    if "REDIS_URL" not in os.environ:
        with time_step("Redis"):
            stack.callback(redis.start(data_dir, save=redis.SAVE_EVERY_MINUTE).stop)
    settings = build_settings(data_dir.sockets, secrets, ports.ensure_sandbox_ports(data_dir))
    settings["AUDIT_ANCHOR_FILE"] = str(data_dir.anchors)
    return {name: value for name, value in settings.items() if not (has_own_database and name.startswith("DATABASE_"))}


def start_postgres(data_dir: DataDir, account: ServiceAccount | None, stack: ExitStack) -> dict[str, str]:
    """Start PostgreSQL, create its cluster if there is none, and return the data directory's keys."""
    exists = Cluster(data_dir).exists()
    secrets = keys.ensure(data_dir, has_data=exists)
    cluster = Cluster(data_dir, secrets["ADMIN_PASSWORD"], account=account)
    if not exists:
        with time_step("A new database cluster"):
            cluster.create()
    with time_step("PostgreSQL"):
        stack.callback(cluster.start().stop)
    return secrets


def site_environment(settings: dict[str, str], port: int) -> dict[str, str]:
    """Return the environment of web, worker and beat. Variables that are set already override our defaults."""
    defaults = {name: value for name, value in settings.items() if name != ADMIN_SETTING}
    defaults |= {"DEBUG": "1", "PUBLIC_URL": f"http://localhost:{port}"}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return defaults | dict(os.environ) | {"PORT": str(port), "PATH": programs, "PYTHONUNBUFFERED": "1"}


def sandbox_environment(data_dir: DataDir, settings: dict[str, str]) -> dict[str, str]:
    """Return the environment of the sandbox. It contains no encryption key and no URL of the site's services."""
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
    """Create or update the roles and tables.

    Raises CannotStart, and changes nothing, if another version of Plumbline created the database.
    """
    if admin := os.environ.get(ADMIN_SETTING) or settings.get(ADMIN_SETTING):
        with time_step("Database roles and tables"):
            advice = {OTHER_VERSION_EXIT_CODE: data_dir_advice(data_dir)} if ADMIN_SETTING in settings else {}
            run_manage("setup_database", "--migrate", env=site | {ADMIN_SETTING: admin}, advice=advice)
    else:
        with time_step("Tables"):
            run_manage("migrate", "--database", "owner", "--noinput", env=site)


def data_dir_advice(data_dir: DataDir) -> str:
    """Return the text that says how to start with an empty embedded database."""
    return (
        f"The database is in {data_dir.root}. To start with an empty one, set PLUMBLINE_HOME to a new folder, or move "
        f"{data_dir.root} away."
    )


def is_true(flag: str) -> bool:
    """Parse a flag as the settings do."""
    return flag.lower() in environ.Env.BOOLEAN_TRUE_STRINGS


def run_manage(*arguments: str, env: dict[str, str], advice: Mapping[int, str] = MappingProxyType({})) -> None:
    """Run a management command.

    Raises CannotStart with the end of its output and the advice for its exit code if it fails.
    """
    result = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        last = "\n".join((result.stdout + result.stderr).splitlines()[-15:])
        text = f"`manage.py {arguments[0]}` failed:\n{last}\n{advice.get(result.returncode, '')}"
        raise CannotStart(text.rstrip())


# --- The processes ----------------------------------------------------------------------------------------


def serve(data_dir: DataDir, site: dict[str, str], sandbox: dict[str, str], stack: ExitStack) -> int:
    """Run the processes of Procfile.dev until a signal or until one of them ends, and return the exit code."""
    manager = ProgramManager(Printer(sys.stdout))
    for name, line in parse_procfile(PROCFILE.read_text()).processes.items():
        command = supervise.build_command(data_dir.lock, ["/bin/sh", "-c", f"exec {line}"], grace=GRACE_SECONDS)
        manager.add_process(
            name, f"exec {shlex.join(command)}", env=sandbox if name == "sandbox" else site, cwd=str(CHECKOUT)
        )
    stack.callback(start_welcome(data_dir, site).terminate)
    # A terminal that closes sends SIGHUP, which honcho does not handle.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    if manager.returncode in STOPPED_BY_SIGNAL:
        print_line("Stopped. `make run` goes on where you left off.")
        return 0
    print_line("One of the processes ended by itself, so all were stopped. Its last words are above.")
    return 1


def start_welcome(data_dir: DataDir, site: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start the program that prints the site's address once the site responds."""
    program = [sys.executable, "-m", "devservices.welcome", site["PORT"], str(data_dir.root)]
    return subprocess.Popen(
        supervise.build_command(data_dir.lock, program, grace=GRACE_SECONDS),
        cwd=CHECKOUT,
        env=site,
        start_new_session=True,
    )


if __name__ == "__main__":
    sys.exit(main())
