"""The keys of a data directory are generated once, valid, and private."""

import stat
from pathlib import Path

import pytest

from compliance.signing.key_checks import find_signing_key_errors
from compliance.vault import key_checks
from devservices import CannotStart, envfile, keys
from devservices.data_dir import DataDir


def test_it_keeps_the_keys_at_the_next_start(tmp_path: Path) -> None:
    assert keys.ensure(DataDir(tmp_path), has_data=False) == keys.ensure(DataDir(tmp_path), has_data=True)


@pytest.mark.parametrize("missing", ["VIEWER_PASSWORD", "SIGNING_KEYS"])
def test_it_adds_what_an_earlier_version_did_not_have(tmp_path: Path, missing: str) -> None:
    generated = keys.ensure(DataDir(tmp_path), has_data=False)
    envfile.write_env_file(
        DataDir(tmp_path).keys, {name: generated[name] for name in generated if name != missing}, "Older"
    )
    completed = keys.ensure(DataDir(tmp_path), has_data=True)
    assert completed == keys.ensure(DataDir(tmp_path), has_data=True)
    assert completed == generated | {missing: completed[missing]}


def test_it_writes_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    keys.ensure(DataDir(tmp_path), has_data=False)
    assert stat.S_IMODE(DataDir(tmp_path).keys.stat().st_mode) == 0o600


def test_it_generates_keys_that_the_vault_accepts() -> None:
    generated = keys.generate()
    assert key_checks.find_key_errors(generated["FIELD_KEYS"], generated["SECRET_KEY"]) == []
    assert find_signing_key_errors(generated["SIGNING_KEYS"], {"FIELD_KEYS": generated["FIELD_KEYS"]}) == []


def test_it_generates_no_new_keys_for_data_sealed_with_others(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="Put the file back"):
        keys.ensure(DataDir(tmp_path), has_data=True)
    assert not DataDir(tmp_path).keys.exists()


def test_it_reads_values_that_contain_an_equals_sign(tmp_path: Path) -> None:
    envfile.write_env_file(tmp_path / "keys.env", {"A": "b==", "C": ""}, "Two values")
    assert envfile.read_env_file(tmp_path / "keys.env") == {"A": "b==", "C": ""}
    assert (tmp_path / "keys.env").read_text() == "# Two values\nA=b==\nC=\n"


def test_it_reads_no_values_from_a_missing_file(tmp_path: Path) -> None:
    assert envfile.read_env_file(tmp_path / "keys.env") == {}
