"""The virtual environment is created with a suitable Python, and installed only if the lock file has changed."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from devservices import install
from devservices.data_dir import CHECKOUT

FIND = CHECKOUT / "devservices" / "find_python.sh"
GOOD = '#!/bin/sh\necho "{version} $0"\n'
NO_VENV = "#!/bin/sh\nprintf '{version} '\nexit 1\n"
BROKEN = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder that is the only one on PATH."""
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def add_program(machine: Path, name: str, script: str, version: str = "") -> None:
    (machine / name).write_text(script.replace("{version}", version))
    (machine / name).chmod(0o755)


def find_python(machine: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run find_python.sh in a folder without .venv."""
    return subprocess.run(
        ["/bin/sh", str(FIND)],
        cwd=machine,
        env={"PATH": str(machine), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_finds_a_python_that_is_new_enough(machine: Path) -> None:
    add_program(machine, "python3", GOOD, "3.12")
    assert find_python(machine).stdout == f"{machine}/python3\n"


def test_it_prints_the_python_that_a_version_manager_leads_to(machine: Path) -> None:
    add_program(machine, "python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    assert find_python(machine).stdout == f"{sys.executable}\n"


def test_it_finds_the_python_of_the_variable_in_a_folder_with_a_space(machine: Path) -> None:
    (machine / "my tools").mkdir()
    add_program(machine, "my tools/python", GOOD, "3.12")
    named = f"{machine}/my tools/python"
    assert find_python(machine, PYTHON=named).stdout == f"{named}\n"


def test_it_skips_a_command_that_does_not_run(machine: Path) -> None:
    add_program(machine, "python3.13", BROKEN)
    add_program(machine, "python3.11", GOOD, "3.11")
    assert find_python(machine).stdout == f"{machine}/python3.11\n"


def test_it_prefers_the_python_of_the_variable(machine: Path) -> None:
    add_program(machine, "python3.13", GOOD, "3.13")
    add_program(machine, "mine", GOOD, "3.12")
    assert find_python(machine, PYTHON="mine").stdout == f"{machine}/mine\n"


@pytest.mark.parametrize("version", ["3.10", "3.15", "2.7"])
def test_it_says_which_versions_it_needs_and_which_it_found(machine: Path, version: str) -> None:
    add_program(machine, "python3", GOOD, version)
    search = find_python(machine)
    assert search.returncode == 1
    assert "needs Python 3.11, 3.12, 3.13 or 3.14" in search.stderr
    assert f"python3 is {version}" in search.stderr


def test_it_says_what_to_install_when_a_python_lacks_venv(machine: Path) -> None:
    add_program(machine, "python3", NO_VENV, "3.11")
    search = find_python(machine)
    assert search.returncode == 1
    assert "apt-get install python3-venv" in search.stderr


def test_it_says_that_there_is_no_python_at_all(machine: Path) -> None:
    assert "no Python at all" in find_python(machine).stderr


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary checkout with a requirements file and an empty environment."""
    monkeypatch.setattr(install, "CHECKOUT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    (tmp_path / "requirements.txt").write_text("one==1\n")
    (tmp_path / ".venv").mkdir()
    return tmp_path


def test_it_installs_again_only_when_the_lock_has_changed(checkout: Path) -> None:
    assert not install.is_installed("requirements.txt")
    install.stamp_file("requirements.txt").write_text(hashlib.sha256(b"one==1\n").hexdigest())
    assert install.is_installed("requirements.txt")
    (checkout / "requirements.txt").write_text("one==2\n")
    assert not install.is_installed("requirements.txt")


def test_it_detects_that_the_checkout_was_moved(checkout: Path) -> None:
    config = checkout / ".venv" / "pyvenv.cfg"
    config.write_text(f"version = 3.11.2\ncommand = /usr/bin/python3 -m venv {checkout}/.venv\n")
    assert not install.was_moved()
    config.write_text("version = 3.11.2\ncommand = /usr/bin/python3 -m venv /elsewhere/.venv\n")
    assert install.was_moved()


def test_it_does_not_use_an_environment_whose_python_was_uninstalled(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir()
    (checkout / ".venv" / "bin" / "python").symlink_to(checkout / "uninstalled")
    assert not install.is_usable(install.PYTHON)


@pytest.fixture
def environment(checkout: Path) -> Path:
    """An environment with nothing in it, not even pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(checkout / ".venv")], check=True)
    return checkout / ".venv"


@pytest.fixture
def uv(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The uv of the environment that runs these tests, marked as installed in the temporary checkout."""
    program = Path(sys.executable).with_name("uv")
    if not program.exists():
        pytest.skip("There is no uv for this machine.")
    monkeypatch.setattr(install, "UV", program)
    (environment.parent / install.UV_REQUIREMENTS).write_text("uv==1\n")
    install.stamp_file(install.UV_REQUIREMENTS).write_text(install.hash_file(install.UV_REQUIREMENTS))
    return program


def lock_package(checkout: Path, digest: str = "") -> None:
    """Lock a package with one module, by its own hash unless another one is given."""
    wheel = checkout / "one-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("one.py", "")
        archive.writestr("one-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: one\nVersion: 1\n")
        archive.writestr("one-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("one-1.dist-info/RECORD", "one.py,,\n")
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    (checkout / "requirements.txt").write_text(f"one @ {wheel.as_uri()} --hash=sha256:{digest}\n")


def find_installed_module(environment: Path) -> list[Path]:
    return list(environment.glob("lib/*/site-packages/one.py"))


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_it_installs_the_package_that_was_locked(
    checkout: Path, environment: Path, tool: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_package(checkout)
    if tool == "uv":
        request.getfixturevalue("uv")
        monkeypatch.setattr(install, "run_pip", None)
    install.install("requirements.txt")
    assert install.is_installed("requirements.txt")
    assert find_installed_module(environment)


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_it_refuses_a_package_whose_hash_is_not_the_locked_one(
    checkout: Path, environment: Path, tool: str, request: pytest.FixtureRequest
) -> None:
    lock_package(checkout, "0" * 64)
    if tool == "uv":
        request.getfixturevalue("uv")
        result = install.run_uv("requirements.txt")
        assert result.returncode != 0
        assert "Hash mismatch" in result.stdout
    with pytest.raises(install.InstallFailed, match="THESE PACKAGES DO NOT MATCH THE HASHES"):
        install.install("requirements.txt")
    assert not install.is_installed("requirements.txt")
    assert not find_installed_module(environment)


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_it_refuses_a_package_without_a_hash(
    checkout: Path, environment: Path, tool: str, request: pytest.FixtureRequest
) -> None:
    lock_package(checkout)
    locked = (checkout / "requirements.txt").read_text()
    (checkout / "requirements.txt").write_text(locked.partition(" --hash")[0])
    if tool == "uv":
        request.getfixturevalue("uv")
        assert install.run_uv("requirements.txt").returncode != 0
    with pytest.raises(install.InstallFailed):
        install.install("requirements.txt")
    assert not find_installed_module(environment)


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_it_repairs_an_interrupted_installation(
    checkout: Path, environment: Path, tool: str, request: pytest.FixtureRequest
) -> None:
    if tool == "uv":
        request.getfixturevalue("uv")
    lock_package(checkout)
    install.install("requirements.txt")
    find_installed_module(environment)[0].unlink()
    install.stamp_file("requirements.txt").write_text(install.UNFINISHED)
    assert not install.is_installed("requirements.txt")
    install.install("requirements.txt")
    assert find_installed_module(environment)


def test_it_installs_with_pip_if_there_is_no_uv_for_the_platform(
    checkout: Path, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / install.UV_REQUIREMENTS).write_text(f"one @ file:///no-such-one --hash=sha256:{'0' * 64}\n")
    lock_package(checkout)
    monkeypatch.setattr(install, "run_uv", None)
    assert install.main(["requirements.txt"]) == 0
    assert not install.is_installed(install.UV_REQUIREMENTS)
    assert find_installed_module(environment)


def test_it_uses_the_package_sources_of_pip(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = checkout / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://packages.internal/simple\nfind-links = /srv/wheels\n\n"
        "[install]\nextra-index-url =\n    https://a.internal/simple\n    https://b.internal/simple\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_FIND_LINKS", "/srv/wheels /srv/more-wheels")
    sources = install.package_sources()
    assert sources["UV_DEFAULT_INDEX"] == "https://packages.internal/simple"
    assert sources["UV_EXTRA_INDEX_URL"] == "https://a.internal/simple https://b.internal/simple"
    assert sources["UV_FIND_LINKS"] == "/srv/wheels,/srv/more-wheels"
    assert [part.partition("=")[2] for part in list_pip_settings() if part.startswith("global.index-url")] == [
        "'https://packages.internal/simple'"
    ]


@pytest.mark.parametrize(
    ("version", "is_used"), [("22.0.2", False), ("23.1.2", False), ("23.2", True), ("26.0.dev0", True), (None, False)]
)
def test_it_uses_this_pythons_own_pip_if_it_is_recent(
    monkeypatch: pytest.MonkeyPatch, version: str | None, is_used: bool
) -> None:
    def find_version(_name: str) -> str:
        if version is None:
            raise install.importlib.metadata.PackageNotFoundError
        return version

    monkeypatch.setattr(install.importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(install.importlib.metadata, "version", find_version)
    assert ("--python" in install.pip_command()) is is_used


def list_pip_settings() -> list[str]:
    """Return the settings that pip itself reads."""
    return install.run_command([sys.executable, *install.pip_command()[1:], "config", "list"]).stdout.splitlines()


@pytest.mark.parametrize("content", ["", "no section\n", "[global]\nindex-url\n"])
def test_it_ignores_an_invalid_configuration(checkout: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    (checkout / "pip.conf").write_text(content)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(checkout / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.internal/simple")
    assert install.package_sources()["UV_DEFAULT_INDEX"] == "https://packages.internal/simple"


def test_it_reads_no_configuration_if_pip_reads_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert install.list_pip_configurations() == []


def test_it_imports_only_the_standard_library() -> None:
    program = CHECKOUT / "devservices" / "install.py"
    result = subprocess.run(
        # Only loads the module, because running it would change this checkout.
        [sys.executable, "-I", "-S", "-c", "import runpy, sys; runpy.run_path(sys.argv[1])", str(program)],
        env={"PATH": os.defpath},
        check=False,
    )
    assert result.returncode == 0


def test_it_does_not_delete_the_target_of_a_link(checkout: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").touch()
    shutil.rmtree(checkout / ".venv")
    (checkout / ".venv").symlink_to(target)
    with pytest.raises(install.InstallFailed, match="is a link"):
        install.make_environment()
    assert (target / "kept").exists()
