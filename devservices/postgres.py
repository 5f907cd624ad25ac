"""An embedded PostgreSQL: initdb, start on a unix socket, and stop."""

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
# initdb writes 40 MB, and the first transactions need space too.
REQUIRED_BYTES = 300 * 1024**2

# The "builtin" provider sorts the same on every platform; the system locale C.UTF-8 does not exist on macOS.
LOCALE = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
# Settings that override the server's configuration file.
SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and error details contain users' data, so the log contains only the error message.
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
}
# Faster, but a crash may lose all data: for tests.
NOT_DURABLE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Cluster:
    """The PostgreSQL of one data directory.

    `password` is the superuser's; if it is empty, no role needs a password. A `durable` cluster survives a power cut;
    the others are for tests, and faster.
    """

    data_dir: DataDir
    password: str = ""
    durable: bool = True
    account: ServiceAccount | None = None

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory (PGDATA)."""
        return self.data_dir.root / "postgres"

    def exists(self) -> bool:
        """Whether the cluster has been created."""
        return (self.data / "PG_VERSION").exists()

    def create(self) -> None:
        """Create the cluster with initdb. It exists only once initdb has finished, even if this process is killed.

        Raises CannotStart if the disk is too full or initdb fails.
        """
        self.require_disk_space()
        draft = self.data.with_name("postgres.draft")
        shutil.rmtree(draft, ignore_errors=True)
        if self.account:
            self.account.create_folder(draft)
        with self.password_file() as password_file:
            access = ["--auth=scram-sha-256", f"--pwfile={password_file}"] if self.password else ["--auth=trust"]
            self.run("initdb", f"--pgdata={draft}", f"--username={SUPERUSER}", "--no-instructions", *LOCALE, *access)
        draft.rename(self.data)

    @contextmanager
    def password_file(self) -> Iterator[str]:
        """Yield the name of a temporary file with the password, which only the cluster's account can read."""
        with tempfile.NamedTemporaryFile("w", prefix="plumbline-", suffix=".pw") as file:
            file.write(self.password)
            file.flush()
            if self.account:
                os.chown(file.name, self.account.uid, self.account.gid)
            yield file.name

    def require_disk_space(self) -> None:
        """Raises CannotStart if the disk of the data directory is too full for a cluster."""
        free = shutil.disk_usage(self.data_dir.root).free
        if free < REQUIRED_BYTES:
            raise CannotStart(
                f"The disk of {self.data_dir.root} has {free // 1024**2} MB left; a database needs "
                f"{REQUIRED_BYTES // 1024**2} MB. Make room, or set PLUMBLINE_HOME to a folder on another disk."
            )

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the cluster's account. Raises CannotStart if it fails."""
        result = self.run_unchecked(program, *arguments)
        if result.returncode != 0:
            raise CannotStart(f"{program} failed for {self.data}: {explain(result.stdout + result.stderr)}")

    def run_unchecked(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of PostgreSQL's programs as the cluster's account, and return its exit code and output."""
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
        """Start the server and wait until it accepts connections.

        Raises CannotStart if it does not start, or if another major version of PostgreSQL wrote the data.
        """
        self.require_version()
        self.end_leftover()
        server = PostgresServer(self, self.spawn())
        server.wait_until_ready()
        return server

    def spawn(self) -> "subprocess.Popen[bytes]":
        """Start the server under a supervisor that watches the data directory's lock."""
        settings = (
            SERVER_SETTINGS
            | {"unix_socket_directories": str(self.data_dir.sockets)}
            | ({} if self.durable else NOT_DURABLE_SETTINGS)
        )
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        program = [str(postgres_programs(self.account) / "postgres"), "-D", str(self.data), *options]
        return supervise.start(
            self.data_dir.lock,
            program,
            log=self.data_dir.log("postgres"),
            # SIGINT is a fast shutdown, with a checkpoint; SIGQUIT an immediate one.
            stop="INT" if self.durable else "QUIT",
            grace=STOP_SECONDS,
            user=(self.account.uid, self.account.gid) if self.account else None,
        )

    def require_version(self) -> None:
        """Raises CannotStart if another major version of PostgreSQL wrote the data."""
        written_by = (self.data / "PG_VERSION").read_text().strip()
        if written_by != POSTGRES_MAJOR:
            raise CannotStart(
                f"{self.data} was written by PostgreSQL {written_by}, and this is {POSTGRES_MAJOR}. Dump it with the "
                f"old version and load it again, or delete {self.data_dir.root} to start afresh."
            )

    def end_leftover(self) -> None:
        """Stop a server whose supervisor was killed. We hold the lock, so no other run is using it."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        if self.is_served_by(int(pid_file.read_text().split()[0])):
            self.run("pg_ctl", "stop", f"--pgdata={self.data}", "--mode=fast", f"--timeout={STOP_SECONDS}")
        else:
            # After a crash another process may have this process id, and PostgreSQL would mistake it for a server.
            pid_file.unlink()

    def is_served_by(self, process_id: int) -> bool:
        """Whether the process with this id is a PostgreSQL server of this cluster."""
        try:
            return str(self.data) in psutil.Process(process_id).cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False


@dataclass(frozen=True)
class PostgresServer:
    """A running cluster."""

    cluster: Cluster
    process: "subprocess.Popen[bytes]"

    def wait_until_ready(self) -> None:
        """Wait until the server accepts connections. Raises CannotStart with its errors if it ends or is too slow."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                output = self.cluster.data_dir.log("postgres").read_text(errors="replace")
                raise CannotStart(f"PostgreSQL did not start: {explain(output)}")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Whether the server accepts connections."""
        cluster = self.cluster
        try:
            psycopg.connect(
                host=str(cluster.data_dir.sockets), user=SUPERUSER, password=cluster.password, dbname="postgres"
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop the server and wait until it has ended."""
        self.process.terminate()
        self.process.wait()


def explain(output: str) -> str:
    """Return the cause of a failure from a program's output, and what to do if we know it."""
    if "No space left on device" in output:
        return "the disk is full. Make room, or set PLUMBLINE_HOME to a folder on another disk."
    causes = [line for line in output.splitlines() if re.search(r"FATAL|ERROR|error:|HINT", line)]
    return " ".join(causes or output.splitlines()[-5:]) or "it said nothing."
