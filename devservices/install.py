"""Make the virtual environment and install the locked packages into it, unless that is done already.

Run by the machine's own Python, so it uses nothing but the standard library: ``python install.py FILE...``
"""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
ROOM_NEEDED = 700 * 1024**2


class InstallFailed(RuntimeError):
    """The message says what to do about it."""


def main(requirements: list[str]) -> int:
    """Install each requirements file that has changed since it was last installed; 1 when that failed."""
    try:
        if not works(PYTHON):
            timed("Virtual environment", make_environment)
        for name in requirements:
            if not is_installed(name):
                timed(f"Packages of {name}", install, name)
    except InstallFailed as trouble:
        sys.stderr.write(f"\n{trouble}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def timed(title: str, action: Callable[..., None], *arguments: str) -> None:
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
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([str(python), "-c", check], capture_output=True, check=False).returncode == 0


def was_moved() -> bool:
    """Say whether the environment was made for another place: its programs would run what lies there."""
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
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
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


def digest(name: str) -> str:
    """A fingerprint of a requirements file."""
    return hashlib.sha256((CHECKOUT / name).read_bytes()).hexdigest()


def is_installed(name: str) -> bool:
    """Say whether exactly this state of the requirements file was installed."""
    return stamp(name).exists() and stamp(name).read_text() == digest(name)


def install(name: str) -> None:
    """Install what the file lists, refusing every package whose hash is not the locked one."""
    require_room()
    # Without build isolation a package is built by what requirements-build.txt locked, not by the newest there is.
    options = [
        "--require-hashes",
        "--no-build-isolation",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
    ]
    done = subprocess.run(
        [str(PYTHON), "-m", "pip", "install", *options, "--requirement", str(CHECKOUT / name)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise InstallFailed(f"{done.stdout.strip()}\n\npip could not install {name}; its own words are above.")
    stamp(name).write_text(digest(name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
