"""Creates the virtual environment and installs the locked packages, unless that is done: ``python install.py FILE...``

It runs with the system's Python, so it uses only the standard library. uv installs the packages, in a fifth of pip's
time. pip, which is included in Python, installs uv, and all packages if there is no uv for the platform. Both refuse a
package whose hash is not the locked one.
"""

import configparser
import contextlib
import ensurepip
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
UV_REQUIREMENTS = "requirements-uv.txt"
REQUIRED_BYTES = 700 * 1024**2
# Without build isolation, packages are built with the versions of requirements-build.txt, not with the newest ones.
OPTIONS = ("--require-hashes", "--no-build-isolation", "--quiet")
# Has the option ``--python``, and runs on Python 3.12 and later.
MIN_PIP_VERSION = [23, 2]
PIP_OPTIONS = ("--no-input", "--disable-pip-version-check", "--root-user-action=ignore")
# The content of a stamp file while its packages are being installed.
UNFINISHED = "unfinished"
# pip's options for package sources, and uv's environment variables for the same.
SOURCES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
}

CompletedProcess = subprocess.CompletedProcess[str]


class InstallFailed(RuntimeError):
    """The environment or the packages cannot be installed. The message says what to do."""


def main(requirements: list[str]) -> int:
    """Install each requirements file that has changed since it was installed. Returns 1 if that failed, else 0."""
    try:
        if not is_usable(PYTHON):
            run_timed("Virtual environment", make_environment)
        if pending := [name for name in requirements if not is_installed(name)]:
            if not is_installed(UV_REQUIREMENTS):
                run_timed("Installer", install_uv)
            for name in pending:
                run_timed(f"Packages of {name}", install, name)
    except InstallFailed as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run_timed(title: str, action: Callable[..., None], *arguments: str) -> None:
    """Run one step, and print its title and the seconds that it took."""
    sys.stdout.write(f"  {title:<42}")
    sys.stdout.flush()
    started = time.monotonic()
    action(*arguments)
    sys.stdout.write(f"{time.monotonic() - started:6.1f} s\n")
    sys.stdout.flush()


def is_usable(python: Path) -> bool:
    """Whether the environment exists and works. An upgrade of the system's Python can break it."""
    if not python.exists() or was_moved():
        return False
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([str(python), "-c", check], capture_output=True, check=False).returncode == 0


def was_moved() -> bool:
    """Whether the environment was created in another folder, whose code its programs would run."""
    lines = (VENV / "pyvenv.cfg").read_text().splitlines()
    commands = [line for line in lines if line.startswith("command = ")]
    return bool(commands) and not commands[0].endswith(f" {VENV}")


def make_environment() -> None:
    """Create a new environment, in place of a broken one if there is one.

    Raises InstallFailed if that fails, or if .venv is a link, because the target may be another checkout's.
    """
    if VENV.is_symlink():
        raise InstallFailed(f"{VENV} is a link, so nothing is replaced there. Remove the link and try again.")
    require_disk_space()
    result = subprocess.run(
        # uv needs no pip in the environment, and pip installs from outside.
        [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise InstallFailed(f"Making {VENV} failed:\n{result.stdout}{result.stderr}")


def require_disk_space() -> None:
    """Raises InstallFailed if the disk is too full for the packages."""
    free = shutil.disk_usage(CHECKOUT).free
    if free < REQUIRED_BYTES:
        raise InstallFailed(
            f"The disk of {CHECKOUT} has {free // 1024**2} MB left; the packages need {REQUIRED_BYTES // 1024**2} MB."
        )


def stamp_file(name: str) -> Path:
    """Return the path of the file with the hash of a requirements file when it was installed."""
    return VENV / f".installed-{name}"


def hash_file(name: str) -> str:
    """Return the SHA-256 of a requirements file."""
    return hashlib.sha256((CHECKOUT / name).read_bytes()).hexdigest()


def is_installed(name: str) -> bool:
    """Whether the requirements file is installed and has not changed since."""
    return stamp_file(name).exists() and stamp_file(name).read_text() == hash_file(name)


def was_interrupted(name: str) -> bool:
    """Whether an earlier installation was interrupted, so that packages may be incomplete."""
    return stamp_file(name).exists() and stamp_file(name).read_text() == UNFINISHED


def install_uv() -> None:
    """Install uv, if it has a wheel for this platform. If not, pip installs everything."""
    if run_pip(UV_REQUIREMENTS, "--only-binary=:all:").returncode == 0:
        stamp_file(UV_REQUIREMENTS).write_text(hash_file(UV_REQUIREMENTS))


def install(name: str) -> None:
    """Install the packages of a requirements file. Raises InstallFailed, for example for a hash that is not locked."""
    require_disk_space()
    reinstall = was_interrupted(name)
    stamp_file(name).write_text(UNFINISHED)
    if is_installed(UV_REQUIREMENTS) and run_uv(name, *(["--reinstall"] if reinstall else [])).returncode == 0:
        stamp_file(name).write_text(hash_file(name))
        return
    result = run_pip(name, *(["--force-reinstall"] if reinstall else []))
    if result.returncode != 0:
        raise InstallFailed(f"{result.stdout.strip()}\n\npip could not install {name}; its own words are above.")
    stamp_file(name).write_text(hash_file(name))


def run_uv(name: str, *options: str) -> CompletedProcess:
    """Install the packages of a requirements file with uv, from the indexes in pip's configuration."""
    command = [str(UV), "pip", "install", "--python", str(PYTHON), *OPTIONS, *options]
    # Like pip, look in all indexes; the hash decides which package is installed.
    command += ["--index-strategy", "unsafe-best-match", "--requirement", str(CHECKOUT / name)]
    return run_command(command, env=package_sources() | dict(os.environ))


def run_pip(name: str, *options: str) -> CompletedProcess:
    """Install the packages of a requirements file with pip."""
    return run_command(
        [*pip_command(), "install", *OPTIONS, *PIP_OPTIONS, *options, "--requirement", str(CHECKOUT / name)]
    )


def package_sources() -> dict[str, str]:
    """Return pip's settings for package sources as environment variables of uv. Variables override files."""
    settings: dict[str, str] = {}
    parser = configparser.RawConfigParser()
    with contextlib.suppress(configparser.Error):
        parser.read(list_pip_configurations())
    for section in ("global", "install"):
        if parser.has_section(section):
            settings |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    variables = {name: os.environ.get(f"PIP_{name.upper().replace('-', '_')}", "") for name in SOURCES}
    settings |= {name: value for name, value in variables.items() if value}
    return {
        SOURCES[name]: ("," if name == "find-links" else " ").join(value.split())
        for name, value in settings.items()
        if name in SOURCES
    }


def list_pip_configurations() -> list[Path]:
    """List the configuration files that pip reads; later ones override earlier ones.

    Source: https://pip.pypa.io/en/stable/topics/configuration/
    """
    if os.environ.get("PIP_CONFIG_FILE") == os.devnull:
        return []
    home = Path.home()
    system_folders = os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)
    folders = [
        Path("/Library/Application Support/pip"),
        *(Path(folder, "pip") for folder in system_folders),
        Path("/etc"),
    ]
    folders += [home / ".pip", Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip"]
    folders += [home / "Library" / "Application Support" / "pip", VENV]
    extra = os.environ.get("PIP_CONFIG_FILE")
    return [folder / "pip.conf" for folder in folders] + ([Path(extra)] if extra else [])


def has_recent_pip() -> bool:
    """Whether this Python has a pip that can install into another environment."""
    if importlib.util.find_spec("pip") is None:
        return False
    try:
        version = importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError:
        return False
    return [int(number) for number in re.findall(r"\d+", version)[:2]] >= MIN_PIP_VERSION


def pip_command() -> list[str]:
    """Return the command of pip: this Python's own, else from the wheel in Python, else installed first.

    Its own is compiled. The wheel is not, and takes a second more.
    """
    if has_recent_pip():
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    folders = (sysconfig.get_config_var("WHEEL_PKG_DIR"), Path(ensurepip.__file__).parent / "_bundled")
    for folder in filter(None, folders):
        if wheels := sorted(Path(folder).glob("pip-*.whl")):
            return [str(PYTHON), str(wheels[-1] / "pip")]
    run_command([str(PYTHON), "-m", "ensurepip"])
    return [str(PYTHON), "-m", "pip"]


def run_command(command: list[str], env: dict[str, str] | None = None) -> CompletedProcess:
    """Run a program, and return its exit code and its output."""
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
