"""The keys of a data home are made once, good, and private."""

import stat
from pathlib import Path

import pytest

from compliance.vault import key_checks
from devservices import CannotStart, envfile, keys
from devservices.data_dir import DataDir


def test_they_stay_the_same_at_the_next_start(tmp_path: Path) -> None:
    assert keys.ensure(DataDir(tmp_path), has_data=False) == keys.ensure(DataDir(tmp_path), has_data=True)


def test_they_gain_the_password_of_a_role_that_the_home_is_older_than(tmp_path: Path) -> None:
    made = keys.ensure(DataDir(tmp_path), has_data=False)
    envfile.write(DataDir(tmp_path).keys, {name: made[name] for name in made if name != "VIEWER_PASSWORD"}, "Older")
    grown = keys.ensure(DataDir(tmp_path), has_data=True)
    assert grown == keys.ensure(DataDir(tmp_path), has_data=True)
    assert grown == made | {"VIEWER_PASSWORD": grown["VIEWER_PASSWORD"]}


def test_they_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    keys.ensure(DataDir(tmp_path), has_data=False)
    assert stat.S_IMODE(DataDir(tmp_path).keys.stat().st_mode) == 0o600


def test_they_are_keys_that_the_vault_takes() -> None:
    made = keys.make()
    assert key_checks.find_key_errors(made["FIELD_KEYS"], made["SECRET_KEY"]) == []


def test_they_are_never_made_anew_for_data_that_others_sealed(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="Put the file back"):
        keys.ensure(DataDir(tmp_path), has_data=True)
    assert not DataDir(tmp_path).keys.exists()


def test_a_file_keeps_values_that_hold_an_equals_sign(tmp_path: Path) -> None:
    envfile.write(tmp_path / "keys.env", {"A": "b==", "C": ""}, "Two values")
    assert envfile.read_env_file(tmp_path / "keys.env") == {"A": "b==", "C": ""}
    assert (tmp_path / "keys.env").read_text() == "# Two values\nA=b==\nC=\n"


def test_a_file_that_is_missing_has_no_values(tmp_path: Path) -> None:
    assert envfile.read_env_file(tmp_path / "keys.env") == {}
