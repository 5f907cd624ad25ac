"""Files of ``NAME=value`` lines that only their owner can read."""

import os
from pathlib import Path


def read_env_file(path: Path) -> dict[str, str]:
    """Return the file's values; none if there is no file."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def write_env_file(path: Path, values: dict[str, str], heading: str) -> None:
    """Replace the file atomically, so that a crash leaves either the old one or the new one."""
    text = f"# {heading}\n" + "".join(f"{name}={value}\n" for name, value in values.items())
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
