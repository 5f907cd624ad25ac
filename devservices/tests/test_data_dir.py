"""Each checkout has a private data directory, which the site finds."""

import os
import stat
from pathlib import Path

import environ
import psycopg
import pytest
import redis

from config.environment import find_dev_environment, read_dev_environment
from devservices import CannotStart, data_dir, envfile, keys
from devservices.account import ACCOUNT_HOME
from devservices.data_dir import DataDir


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    """A data directory that PLUMBLINE_HOME sets."""
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path / "data"))
    return data_dir.locate()


def test_it_is_where_plumbline_home_says(home: DataDir, tmp_path: Path) -> None:
    assert home.root == tmp_path / "data"


def test_it_is_in_the_checkout_or_for_root_in_var_lib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLUMBLINE_HOME", raising=False)
    root = data_dir.locate(tmp_path).root
    assert root == (ACCOUNT_HOME / data_dir.fingerprint(tmp_path) if os.geteuid() == 0 else tmp_path / ".data")


def test_it_is_another_one_for_another_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLUMBLINE_HOME", raising=False)
    assert data_dir.locate(tmp_path / "one").root != data_dir.locate(tmp_path / "two").root


def test_it_keeps_the_sockets_inside_when_their_path_is_short() -> None:
    assert DataDir(Path("/srv/plumbline")).sockets == Path("/srv/plumbline/sockets")


@pytest.mark.parametrize("root", [Path("/srv") / ("deep" * 30), Path("/srv/my checkout"), Path("/srv/a?b#c%20")])
def test_it_moves_the_sockets_out_of_a_path_that_is_long_or_needs_quoting(root: Path) -> None:
    sockets = DataDir(root).sockets
    assert len(str(sockets / ".s.PGSQL.5432")) <= 100
    assert data_dir.PLAIN_PATH.fullmatch(str(sockets))
    assert sockets != DataDir(root / "other").sockets


def test_it_is_accessible_to_its_owner_only(tmp_path: Path) -> None:
    prepared = data_dir.prepare(DataDir(tmp_path / "data"), account=None)
    assert stat.S_IMODE(prepared.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(prepared.sockets.stat().st_mode) == 0o700


def test_it_does_not_change_the_folders_above(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    data_dir.prepare(DataDir(tmp_path / "data"), account=None)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_it_does_not_follow_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotStart, match="belongs to somebody else"):
        data_dir.make_private(tmp_path / "data")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a folder")
def test_it_does_not_use_a_folder_of_another_user(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", 65534, 65534)
    with pytest.raises(CannotStart, match="belongs to somebody else"):
        data_dir.make_private(tmp_path / "data")


def test_it_writes_urls_that_django_and_every_client_can_parse(home: DataDir) -> None:
    data_dir.prepare(home, account=None)
    secrets = keys.ensure(home, has_data=False) | {"RW_PASSWORD": "p@ss/word:%?#"}
    ports = {"SANDBOX_PORT": "4001", "SANDBOX_SMTP_PORT": "4002"}
    settings = data_dir.build_settings(home.sockets, secrets, ports)
    envfile.write_env_file(home.site_environment, settings, "settings")
    environment = read_dev_environment(find_dev_environment(data_dir.CHECKOUT))

    for_django = environ.Env.db_url_config(environment["DATABASE_URL"])
    assert (for_django["NAME"], for_django["USER"], for_django["PASSWORD"]) == ("plumbline", "app_rw", "p@ss/word:%?#")
    assert for_django["OPTIONS"]["host"] == str(home.sockets)
    for_libpq = psycopg.conninfo.conninfo_to_dict(environment["DATABASE_URL"])
    assert (for_libpq["password"], for_libpq["host"]) == ("p@ss/word:%?#", str(home.sockets))
    assert redis.connection.parse_url(environment["REDIS_URL"])["path"] == str(home.sockets / "redis.sock")
    assert environ.Env.email_url_config(environment["EMAIL_URL"])["EMAIL_PORT"] == 4002
    assert environment["PLAID_URL"] == "http://127.0.0.1:4001"
    assert environment["FIELD_KEYS"] == secrets["FIELD_KEYS"]
    assert environment["SIGNING_KEYS"] == secrets["SIGNING_KEYS"]


def test_it_is_where_the_settings_look(home: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_dev_environment(tmp_path) == home.site_environment
    monkeypatch.delenv("PLUMBLINE_HOME")
    assert find_dev_environment(tmp_path) == data_dir.locate(tmp_path).site_environment
    monkeypatch.setenv("DEV_ENVIRONMENT", "/run/plumbline/site.env")
    assert find_dev_environment(tmp_path) == Path("/run/plumbline/site.env")


def test_it_writes_no_password_if_there_is_none() -> None:
    assert data_dir.database_url(Path("/run/x"), "app_rw", "") == "postgres://app_rw@/plumbline?host=/run/x"
