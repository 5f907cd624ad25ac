"""An embedded PostgreSQL: created once, started on a unix socket, stopped before anything is lost."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from devservices import CannotStart, supervise
from devservices.account import ServiceAccount
from devservices.data_dir import SUPERUSER, DataDir
from devservices.programs import POSTGRES_MAJOR, postgres_programs

START_SECONDS = 60
STOP_SECONDS = 20
# initdb writes 40 MB; below this there is no room for the first transactions either.
ROOM_NEEDED = 300 * 1024**2

# "builtin" sorts the same way on every platform, and macOS has no C.UTF-8 of its own.
LOCALE = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
# What the server is started with, whatever its configuration file says.
ALWAYS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and details carry people's data; the log names the error and no value.
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
}
# For data that nobody will miss: a crash may lose everything.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Cluster:
    """The PostgreSQL of one data directory. `password` is the superuser's; when it is empty, nobody is asked for one.

    A `precious` cluster survives a power cut; the other kind is for tests, and trades that for speed.
    """

    data_dir: DataDir
    password: str = ""
    precious: bool = True
    account: ServiceAccount | None = None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.data_dir.root / "postgres"

    def exists(self) -> bool:
        """Say whether initdb has been here."""
        return (self.data / "PG_VERSION").exists()

    def create(self) -> None:
        """Run initdb. A kill in the middle leaves nothing that looks finished.

        Raises CannotStart when the disk is too full or initdb fails.
        """
        self.require_room()
        draft = self.data.with_name("postgres.draft")
        shutil.rmtree(draft, ignore_errors=True)
        if self.account:
            self.account.own(draft)
        with self.password_file() as password_file:
            access = ["--auth=scram-sha-256", f"--pwfile={password_file}"] if self.password else ["--auth=trust"]
            self.run("initdb", f"--pgdata={draft}", f"--username={SUPERUSER}", "--no-instructions", *LOCALE, *access)
        draft.rename(self.data)

    @contextmanager
    def password_file(self) -> Iterator[str]:
        """Give the name of a file that holds the password and that only the cluster's account can read."""
        with tempfile.NamedTemporaryFile("w", prefix="plumbline-", suffix=".pw") as file:
            file.write(self.password)
            file.flush()
            if self.account:
                os.chown(file.name, self.account.uid, self.account.gid)
            yield file.name

    def require_room(self) -> None:
        """Raise CannotStart when the disk below the data directory has no room for a cluster."""
        free = shutil.disk_usage(self.data_dir.root).free
        if free < ROOM_NEEDED:
            raise CannotStart(
                f"The disk of {self.data_dir.root} has {free // 1024**2} MB left; a database needs "
                f"{ROOM_NEEDED // 1024**2} MB. Make room, or set PLUMBLINE_HOME to a folder on another disk."
            )

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's own programs as the cluster's account, and raise CannotStart when it fails."""
        done = self.attempt(program, *arguments)
        if done.returncode != 0:
            raise CannotStart(f"{program} failed for {self.data}: {explain(done.stdout + done.stderr)}")

    def attempt(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of PostgreSQL's own programs as the cluster's account."""
        return subprocess.run(
            [str(postgres_programs(self.account) / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            **(self.account.popen_options if self.account else {}),
        )

    def start(self) -> "PostgresServer":
        """Start the server and wait until it answers.

        Raises CannotStart when it does not, or when the data are of another version.
        """
        self.require_version()
        self.end_leftover()
        server = PostgresServer(self, self.spawn())
        server.wait_until_ready()
        return server

    def spawn(self) -> "subprocess.Popen[bytes]":
        """Start the server under a supervisor that watches the data directory's lock."""
        settings = (
            ALWAYS | {"unix_socket_directories": str(self.data_dir.sockets)} | ({} if self.precious else CARELESS)
        )
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        program = [str(postgres_programs(self.account) / "postgres"), "-D", str(self.data), *options]
        return supervise.start(
            self.data_dir.lock,
            program,
            log=self.data_dir.log("postgres"),
            # SIGINT ends open transactions and writes everything down; SIGQUIT just goes.
            stop="INT" if self.precious else "QUIT",
            grace=STOP_SECONDS,
            user=(self.account.uid, self.account.gid) if self.account else None,
        )

    def require_version(self) -> None:
        """Raise CannotStart when another major version of PostgreSQL wrote the data."""
        written_by = (self.data / "PG_VERSION").read_text().strip()
        if written_by != POSTGRES_MAJOR:
            raise CannotStart(
                f"{self.data} was written by PostgreSQL {written_by}, and this is {POSTGRES_MAJOR}. Dump it with the "
                f"old version and load it again, or delete {self.data_dir.root} to start afresh."
            )

    def end_leftover(self) -> None:
        """Stop a server that outlived its supervisor. We hold the lock, so no run that is active can own it."""
        note = self.data / "postmaster.pid"
        if not note.exists():
            return
        if self.is_served_by(int(note.read_text().split()[0])):
            self.run("pg_ctl", "stop", f"--pgdata={self.data}", "--mode=fast", f"--timeout={STOP_SECONDS}")
        else:
            # After a crash the number may be somebody else's by now, and PostgreSQL would take them for a server.
            note.unlink()

    def is_served_by(self, process: int) -> bool:
        """Say whether this process is a PostgreSQL on our data."""
        try:
            return str(self.data) in psutil.Process(process).cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False


@dataclass(frozen=True)
class PostgresServer:
    """A running cluster."""

    cluster: Cluster
    process: "subprocess.Popen[bytes]"

    def wait_until_ready(self) -> None:
        """Return once the server answers; raise CannotStart with its own words when it ends or stays silent."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                output = self.cluster.data_dir.log("postgres").read_text(errors="replace")
                raise CannotStart(f"PostgreSQL did not start: {explain(output)}")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Say whether the server takes connections."""
        cluster = self.cluster
        try:
            psycopg.connect(
                host=str(cluster.data_dir.sockets), user=SUPERUSER, password=cluster.password, dbname="postgres"
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End the server in an orderly way and wait until it has gone."""
        self.process.terminate()
        self.process.wait()


def explain(output: str) -> str:
    """Return what a person can act on from a program's output: the cause, and what to do where we know it."""
    if "No space left on device" in output:
        return "the disk is full. Make room, or set PLUMBLINE_HOME to a folder on another disk."
    causes = [line for line in output.splitlines() if re.search(r"FATAL|ERROR|error:|HINT", line)]
    return " ".join(causes or output.splitlines()[-5:]) or "it said nothing."
