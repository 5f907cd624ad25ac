"""`make run` starts everything, prints the site's address, and leaves nothing running."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.tests.processes import has_ended, list_processes_below, temporary_data_homes, wait_until
from devservices import CannotStart, data_dir, launch, ports
from devservices.data_dir import CHECKOUT, DataDir

SETTINGS = data_dir.build_settings(
    Path("/run/x"),
    {
        "ADMIN_PASSWORD": "admin-password",
        "OWNER_PASSWORD": "owner-password",
        "RW_PASSWORD": "rw-password",
        "OPS_PASSWORD": "ops-password",
        "VIEWER_PASSWORD": "viewer-password",
        "SECRET_KEY": "the-secret-key",
        "FIELD_KEYS": "kek:the-field-key",
        "SIGNING_KEYS": "sig:the-signing-key",
        "PLAID_CLIENT_ID": "client",
        "PLAID_SECRET": "plaid-secret",
    },
    {"SANDBOX_PORT": "4001", "SANDBOX_SMTP_PORT": "4002"},
)


def test_it_passes_everything_but_the_superuser_to_the_site() -> None:
    site = launch.site_environment(SETTINGS, 8003)
    assert site["PORT"] == "8003"
    assert site["PUBLIC_URL"] in ("http://localhost:8003", os.environ.get("PUBLIC_URL"))
    assert "admin-password" not in "".join(site.values())


def test_it_does_not_override_variables_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAID_ENV", "sandbox")
    monkeypatch.setenv("PLAID_CLIENT_ID", "a real one")
    monkeypatch.setenv("DEBUG", "0")
    site = launch.site_environment(SETTINGS, 8003)
    assert (site["PLAID_ENV"], site["PLAID_CLIENT_ID"], site["DEBUG"]) == ("sandbox", "a real one", "0")


def test_it_passes_no_secret_of_the_site_to_the_sandbox(tmp_path: Path) -> None:
    environment = launch.sandbox_environment(DataDir(tmp_path), SETTINGS)
    assert environment["SANDBOX_CLIENT_ID"] == "client"
    for secret in (
        "the-secret-key",
        "the-field-key",
        "the-signing-key",
        "rw-password",
        "owner-password",
        "ops-password",
    ):
        assert secret not in "".join(environment.values())


@pytest.mark.parametrize("name", ["PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"])
def test_it_tells_the_sandbox_where_bytecode_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "x")
    assert launch.sandbox_environment(DataDir(tmp_path), SETTINGS)[name] == "x"
    monkeypatch.delenv(name)
    assert name not in launch.sandbox_environment(DataDir(tmp_path), SETTINGS)


def test_it_starts_no_services_if_the_environment_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://app_rw@db.internal/plumbline")
    monkeypatch.setenv("REDIS_URL", "redis://redis.internal")
    with launch.ExitStack() as stack:
        settings = launch.start_services(DataDir(tmp_path), None, stack)
    assert not any(name.startswith("DATABASE_") for name in settings)
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize("text", ["", "not a number"])
def test_it_finds_no_lock_holder_in_a_file_without_a_process_id(tmp_path: Path, text: str) -> None:
    DataDir(tmp_path).lock.write_text(text)
    assert launch.find_lock_holder(DataDir(tmp_path)) is None


def test_it_finds_no_lock_holder_that_has_ended(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    wait_until(lambda: has_ended(ended.pid))
    DataDir(tmp_path).lock.write_text(str(ended.pid))
    assert launch.find_lock_holder(DataDir(tmp_path)) is None
    ended.wait()


def test_it_shows_the_output_of_a_command_that_failed() -> None:
    with pytest.raises(CannotStart, match=r"`manage.py no_such_command` failed:\n.*Unknown command"):
        launch.run_manage("no_such_command", env=dict(os.environ))


# --- The whole of it --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data_home() -> Iterator[Path]:
    with temporary_data_homes() as folder:
        yield folder / "data"


def start(data_home: Path, port: str) -> "subprocess.Popen[str]":
    """Run the launcher as make does, in an environment without settings."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    data_home.parent.joinpath("out").touch()
    with data_home.parent.joinpath("out").open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "devservices.launch"],
            cwd=CHECKOUT,
            env={**inherited, "PLUMBLINE_HOME": str(data_home), "PORT": port},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def read_output(data_home: Path) -> str:
    return data_home.parent.joinpath("out").read_text()


def get(port: str, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
    connection.request("GET", path, headers={"Host": "localhost"})
    status = connection.getresponse().status
    connection.close()
    return status


def wait_for_welcome(process: "subprocess.Popen[str]", data_home: Path) -> None:
    wait_until(lambda: "Plumbline runs at" in read_output(data_home) or process.poll() is not None)
    assert process.poll() is None, read_output(data_home)


def test_it_starts_in_a_new_checkout_stops_on_ctrl_c_and_keeps_the_data_for_the_next_start(data_home: Path) -> None:
    port = ports.find_free_port()
    first = start(data_home, port)
    wait_for_welcome(first, data_home)
    assert f"Plumbline runs at  http://localhost:{port}" in read_output(data_home)
    assert "A new database cluster" in read_output(data_home)
    assert get(port, "/health/ready") == 200
    assert get(port, "/_sandbox/mailbox/") == 200

    command = subprocess.run(
        [sys.executable, "manage.py", "check", "--database", "default"],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "PLUMBLINE_HOME": str(data_home), "DEBUG": "1", "READ_DOT_ENV": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert command.returncode == 0, command.stderr

    second = subprocess.run(
        [sys.executable, "-m", "devservices.launch"],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "PLUMBLINE_HOME": str(data_home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"already runs from this checkout, as process {first.pid}." in second.stderr

    first.send_signal(signal.SIGINT)
    assert first.wait() == 0
    assert list_processes_below(data_home) == []

    keys = (data_home / "keys.env").read_text()
    third = start(data_home, port)
    wait_for_welcome(third, data_home)
    assert "A new database cluster" not in read_output(data_home)
    assert (data_home / "keys.env").read_text() == keys

    third.kill()
    third.wait()
    wait_until(lambda: list_processes_below(data_home) == [])
