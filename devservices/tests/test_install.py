"""The virtual environment is made by a Python that can, and filled only when the lock has changed."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devservices import install
from devservices.data_dir import CHECKOUT

FIND = CHECKOUT / "devservices" / "find_python.sh"
GOOD = '#!/bin/sh\ncase "$2" in *print*) echo {version} ;; esac\n'
NO_VENV = '#!/bin/sh\ncase "$2" in *print*) echo {version} ;; *) exit 1 ;; esac\n'
BROKEN = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder that is all of PATH, but for the shell's own."""
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def add(machine: Path, name: str, script: str, version: str = "") -> None:
    (machine / name).write_text(script.replace("{version}", version))
    (machine / name).chmod(0o755)


def find(machine: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the search where there is no .venv."""
    return subprocess.run(
        ["/bin/sh", str(FIND)],
        cwd=machine,
        env={"PATH": str(machine), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_takes_a_python_that_is_new_enough(machine: Path) -> None:
    add(machine, "python3", GOOD, "3.12")
    assert find(machine).stdout == "python3\n"


def test_it_passes_over_a_name_that_does_not_run(machine: Path) -> None:
    add(machine, "python3.13", BROKEN)
    add(machine, "python3.11", GOOD, "3.11")
    assert find(machine).stdout == "python3.11\n"


def test_it_takes_the_python_that_the_person_names(machine: Path) -> None:
    add(machine, "python3.13", GOOD, "3.13")
    add(machine, "mine", GOOD, "3.12")
    assert find(machine, PYTHON="mine").stdout == "mine\n"


@pytest.mark.parametrize("version", ["3.10", "3.15", "2.7"])
def test_it_says_which_versions_it_needs_and_which_it_found(machine: Path, version: str) -> None:
    add(machine, "python3", GOOD, version)
    found = find(machine)
    assert found.returncode == 1
    assert "needs Python 3.11, 3.12, 3.13 or 3.14" in found.stderr
    assert f"python3 is {version}" in found.stderr


def test_it_says_what_to_install_when_a_python_lacks_venv(machine: Path) -> None:
    add(machine, "python3", NO_VENV, "3.11")
    found = find(machine)
    assert found.returncode == 1
    assert "apt-get install python3-venv" in found.stderr


def test_it_says_that_there_is_no_python_at_all(machine: Path) -> None:
    assert "no Python at all" in find(machine).stderr


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a requirements file and an environment, both ours to change."""
    monkeypatch.setattr(install, "CHECKOUT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    (tmp_path / "requirements.txt").write_text("one==1\n")
    (tmp_path / ".venv").mkdir()
    return tmp_path


def test_it_installs_again_only_when_the_lock_has_changed(checkout: Path) -> None:
    assert not install.is_installed("requirements.txt")
    install.stamp("requirements.txt").write_text(hashlib.sha256(b"one==1\n").hexdigest())
    assert install.is_installed("requirements.txt")
    (checkout / "requirements.txt").write_text("one==2\n")
    assert not install.is_installed("requirements.txt")


def test_it_makes_a_new_environment_where_the_checkout_was_moved(checkout: Path) -> None:
    config = checkout / ".venv" / "pyvenv.cfg"
    config.write_text(f"version = 3.11.2\ncommand = /usr/bin/python3 -m venv {checkout}/.venv\n")
    assert not install.was_moved()
    config.write_text("version = 3.11.2\ncommand = /usr/bin/python3 -m venv /elsewhere/.venv\n")
    assert install.was_moved()


def test_it_does_not_trust_an_environment_whose_python_is_gone(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir()
    (checkout / ".venv" / "bin" / "python").symlink_to(checkout / "uninstalled")
    assert not install.works(install.PYTHON)


def test_it_reports_a_package_whose_hash_is_not_the_locked_one(checkout: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(checkout / ".venv")], check=True)
    (checkout / "package").mkdir()
    (checkout / "package" / "one-1-py3-none-any.whl").write_bytes(b"not the package that was locked")
    wheel = (checkout / "package" / "one-1-py3-none-any.whl").as_uri()
    (checkout / "requirements.txt").write_text(f"one @ {wheel} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(install.InstallFailed, match="THESE PACKAGES DO NOT MATCH THE HASHES"):
        install.install("requirements.txt")
    assert not install.is_installed("requirements.txt")


def test_it_never_needs_more_than_the_standard_library() -> None:
    program = CHECKOUT / "devservices" / "install.py"
    done = subprocess.run(
        # Loaded and not run: what it would do, it would do to this checkout.
        [sys.executable, "-I", "-S", "-c", "import runpy, sys; runpy.run_path(sys.argv[1])", str(program)],
        env={"PATH": os.defpath},
        check=False,
    )
    assert done.returncode == 0


def test_it_empties_nothing_that_a_link_leads_to(checkout: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    (others / "kept").touch()
    shutil.rmtree(checkout / ".venv")
    (checkout / ".venv").symlink_to(others)
    with pytest.raises(install.InstallFailed, match="is a link"):
        install.make_environment()
    assert (others / "kept").exists()
