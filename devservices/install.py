"""Make the virtual environment and install the locked packages into it, unless that is done already.

Run by the machine's own Python, so it uses nothing but the standard library: ``python install.py FILE...``
uv installs, because it takes a fifth of pip's time. pip, which Python brings along, fetches uv, and installs everything
where there is no uv for the machine. Both refuse a package whose hash is not the locked one.
"""

import configparser
import contextlib
import ensurepip
import hashlib
import importlib.util
import os
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
ROOM_NEEDED = 700 * 1024**2
# Without build isolation a package is built by what requirements-build.txt locked, not by the newest there is.
OPTIONS = ("--require-hashes", "--no-build-isolation", "--quiet")
PIP_OPTIONS = ("--no-input", "--disable-pip-version-check", "--root-user-action=ignore")
# What a stamp says while its packages are being installed.
UNFINISHED = "unfinished"
# Where pip finds packages, in pip's own words and in uv's.
SOURCES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
}

Done = subprocess.CompletedProcess[str]


class InstallFailed(RuntimeError):
    """The message says what to do about it."""


def main(requirements: list[str]) -> int:
    """Install each requirements file that has changed since it was last installed; 1 when that failed."""
    try:
        if not works(PYTHON):
            run_timed("Virtual environment", make_environment)
        if pending := [name for name in requirements if not is_installed(name)]:
            if not is_installed(UV_REQUIREMENTS):
                run_timed("Installer", install_uv)
            for name in pending:
                run_timed(f"Packages of {name}", install, name)
    except InstallFailed as trouble:
        sys.stderr.write(f"\n{trouble}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run_timed(title: str, action: Callable[..., None], *arguments: str) -> None:
    """Do one step, and print how long it took."""
    sys.stdout.write(f"  {title:<42}")
    sys.stdout.flush()
    started = time.monotonic()
    action(*arguments)
    sys.stdout.write(f"{time.monotonic() - started:6.1f} s\n")
    sys.stdout.flush()


def works(python: Path) -> bool:
    """Say whether an environment is there that runs. An upgrade of the system's Python can break it."""
    if not python.exists() or was_moved():
        return False
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([str(python), "-c", check], capture_output=True, check=False).returncode == 0


def was_moved() -> bool:
    """Say whether the environment was created for another folder: its programs would run the code there."""
    lines = (VENV / "pyvenv.cfg").read_text().splitlines()
    made_by = [line for line in lines if line.startswith("command = ")]
    return bool(made_by) and not made_by[0].endswith(f" {VENV}")


def make_environment() -> None:
    """Make a new environment in place of a broken one or none. Raises InstallFailed where the place is a link.

    What a link leads to may be another checkout's, and would be emptied.
    """
    if VENV.is_symlink():
        raise InstallFailed(f"{VENV} is a link, so nothing is replaced there. Remove the link and try again.")
    require_room()
    done = subprocess.run(
        # uv needs no pip in there, and pip installs from outside.
        [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise InstallFailed(f"Making {VENV} failed:\n{done.stdout}{done.stderr}")


def require_room() -> None:
    """Raise InstallFailed when the disk cannot hold the packages."""
    free = shutil.disk_usage(CHECKOUT).free
    if free < ROOM_NEEDED:
        raise InstallFailed(
            f"The disk of {CHECKOUT} has {free // 1024**2} MB left; the packages need {ROOM_NEEDED // 1024**2} MB."
        )


def stamp(name: str) -> Path:
    """The file that tells which state of a requirements file is installed."""
    return VENV / f".installed-{name}"


def hash_file(name: str) -> str:
    """Return the SHA-256 of a requirements file."""
    return hashlib.sha256((CHECKOUT / name).read_bytes()).hexdigest()


def is_installed(name: str) -> bool:
    """Say whether exactly this state of the requirements file was installed."""
    return stamp(name).exists() and stamp(name).read_text() == hash_file(name)


def was_interrupted(name: str) -> bool:
    """Whether an earlier installation did not come to its end, so that half a package may stand there."""
    return stamp(name).exists() and stamp(name).read_text() == UNFINISHED


def install_uv() -> None:
    """Install uv where it has a wheel for this machine. Where it has none, pip does its work."""
    if run_pip(UV_REQUIREMENTS, "--only-binary=:all:").returncode == 0:
        stamp(UV_REQUIREMENTS).write_text(hash_file(UV_REQUIREMENTS))


def install(name: str) -> None:
    """Install what the file lists, refusing every package whose hash is not the locked one. Raises InstallFailed."""
    require_room()
    again = was_interrupted(name)
    stamp(name).write_text(UNFINISHED)
    if is_installed(UV_REQUIREMENTS) and run_uv(name, *(["--reinstall"] if again else [])).returncode == 0:
        stamp(name).write_text(hash_file(name))
        return
    done = run_pip(name, *(["--force-reinstall"] if again else []))
    if done.returncode != 0:
        raise InstallFailed(f"{done.stdout.strip()}\n\npip could not install {name}; its own words are above.")
    stamp(name).write_text(hash_file(name))


def run_uv(name: str, *options: str) -> Done:
    """Let uv install what the file lists, from the indexes that pip is configured to use."""
    command = [str(UV), "pip", "install", "--python", str(PYTHON), *OPTIONS, *options]
    # pip asks every index for the best version; the hash decides what is taken.
    command += ["--index-strategy", "unsafe-best-match", "--requirement", str(CHECKOUT / name)]
    return run_command(command, env=package_sources() | dict(os.environ))


def run_pip(name: str, *options: str) -> Done:
    """Let pip install what the file lists."""
    return run_command([*pip(), "install", *OPTIONS, *PIP_OPTIONS, *options, "--requirement", str(CHECKOUT / name)])


def package_sources() -> dict[str, str]:
    """What pip's own settings say about where packages are, as uv takes it. The environment wins over files."""
    settings: dict[str, str] = {}
    parser = configparser.RawConfigParser()
    with contextlib.suppress(configparser.Error):
        parser.read(pip_configuration())
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


def pip_configuration() -> list[Path]:
    """The files that pip reads, the last of which wins.

    Source: https://pip.pypa.io/en/stable/topics/configuration/
    """
    if os.environ.get("PIP_CONFIG_FILE") == os.devnull:
        return []
    home = Path.home()
    systems = os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)
    folders = [Path("/Library/Application Support/pip"), *(Path(folder, "pip") for folder in systems), Path("/etc")]
    folders += [home / ".pip", Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip"]
    folders += [home / "Library" / "Application Support" / "pip", VENV]
    named = os.environ.get("PIP_CONFIG_FILE")
    return [folder / "pip.conf" for folder in folders] + ([Path(named)] if named else [])


def pip() -> list[str]:
    """The command line of pip: this Python's own, else the wheel that Python brings along, else installed first.

    Its own is compiled. The wheel is not, and takes a second more.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    folders = (sysconfig.get_config_var("WHEEL_PKG_DIR"), Path(ensurepip.__file__).parent / "_bundled")
    for folder in filter(None, folders):
        if wheels := sorted(Path(folder).glob("pip-*.whl")):
            return [str(PYTHON), str(wheels[-1] / "pip")]
    run_command([str(PYTHON), "-m", "ensurepip"])
    return [str(PYTHON), "-m", "pip"]


def run_command(command: list[str], env: dict[str, str] | None = None) -> Done:
    """Run a program, and return its exit code and all that it printed."""
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
