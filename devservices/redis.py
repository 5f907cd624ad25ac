"""An embedded Redis on a unix socket. Nothing that has to survive lives in it alone."""

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
# A snapshot at most a minute old, so that queued jobs survive a restart.
KEPT = ("--save", "60", "1")
FORGOTTEN = ("--save", "")


@dataclass(frozen=True)
class RedisServer:
    """A running Redis."""

    socket: Path
    process: subprocess.Popen[bytes]

    def wait_until_ready(self, log: Path) -> None:
        """Return once the server answers; raise CannotStart with its own words when it ends or stays silent."""
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(self.socket):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                last = log.read_text(errors="replace").splitlines()[-3:]
                raise CannotStart(f"Redis did not start: {' '.join(last)}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the server (it writes its snapshot first) and wait until it has gone."""
        self.process.terminate()
        self.process.wait()


def start(data_dir: DataDir, *, save: Sequence[str]) -> RedisServer:
    """Start the Redis of one data directory under a supervisor, and wait until it answers.

    Raises CannotStart with the last lines of its log when it does not.
    """
    data = make_private(data_dir.root / "redis")
    socket = data_dir.sockets / "redis.sock"
    end_leftover(socket)
    place = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(data)]
    program = [str(redis_program()), *place, "--daemonize", "no", *save]
    process = supervise.start(data_dir.lock, program, log=data_dir.log("redis"), grace=STOP_SECONDS)
    server = RedisServer(socket, process)
    server.wait_until_ready(data_dir.log("redis"))
    return server


def is_ready(socket: Path) -> bool:
    """Say whether a Redis that is ready for work listens on this socket."""
    with client(socket) as connection:
        try:
            return bool(connection.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False


def client(socket: Path) -> redis.Redis:
    """Return a client that says at once when nobody listens: the default one tries again for seconds."""
    return redis.Redis(unix_socket_path=str(socket), socket_timeout=STOP_SECONDS, retry=Retry(NoBackoff(), 0))


def end_leftover(socket: Path) -> None:
    """Stop a server that outlived its supervisor, and clear the name it listened on."""
    if is_ready(socket):
        with client(socket) as connection:
            connection.shutdown()
    socket.unlink(missing_ok=True)
