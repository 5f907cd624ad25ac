"""An embedded Redis on a unix socket. No data that must be kept is only in Redis."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devservices import CannotStart, supervise
from devservices.data_dir import DataDir, make_private
from devservices.programs import redis_program

START_SECONDS = 20
STOP_SECONDS = 5
# Options for snapshots: every minute, so that queued jobs survive a restart, or none.
SAVE_EVERY_MINUTE = ("--save", "60", "1")
SAVE_NEVER = ("--save", "")


@dataclass(frozen=True)
class RedisServer:
    """A running Redis."""

    socket: Path
    process: subprocess.Popen[bytes]

    def wait_until_ready(self, log: Path) -> None:
        """Wait until the server responds. Raises CannotStart with the end of its log if it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(self.socket):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                last = log.read_text(errors="replace").splitlines()[-3:]
                raise CannotStart(f"Redis did not start: {' '.join(last)}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the server, which writes a snapshot first, and wait until it has ended."""
        self.process.terminate()
        self.process.wait()


def start(data_dir: DataDir, *, save: Sequence[str]) -> RedisServer:
    """Start the Redis of one data directory under a supervisor, and wait until it responds.

    ``save`` is one of the options above. Raises CannotStart with the end of its log if it does not start.
    """
    data = make_private(data_dir.root / "redis")
    socket = data_dir.sockets / "redis.sock"
    end_leftover(socket)
    options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(data)]
    program = [str(redis_program()), *options, "--daemonize", "no", *save]
    process = supervise.start(data_dir.lock, program, log=data_dir.log("redis"), grace=STOP_SECONDS)
    server = RedisServer(socket, process)
    server.wait_until_ready(data_dir.log("redis"))
    return server


def is_ready(socket: Path) -> bool:
    """Whether a Redis listens on this socket and has loaded its data."""
    with create_client(socket) as connection:
        try:
            return bool(connection.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False


def create_client(socket: Path) -> redis.Redis:
    """Return a client without retries, so that it fails at once if no server listens."""
    return redis.Redis(unix_socket_path=str(socket), socket_timeout=STOP_SECONDS, retry=Retry(NoBackoff(), 0))


def end_leftover(socket: Path) -> None:
    """Stop a server whose supervisor was killed, and delete its socket."""
    if is_ready(socket):
        with create_client(socket) as connection:
            connection.shutdown()
    socket.unlink(missing_ok=True)
