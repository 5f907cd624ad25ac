"""The commands of the Makefile: where Python keeps bytecode, and that they pass signals on."""

import subprocess
import sys
from pathlib import Path

import pytest

from devservices.data_dir import CHECKOUT

# A makefile, because the option ``--eval`` is missing in the make of macOS.
PROBE = """include Makefile
probe: ; @exec $(KEEP_BYTECODE) $(PYTHON) -c 'import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)'
"""


@pytest.fixture
def probe(tmp_path: Path) -> str:
    """Arguments that make a Python print whether and where it keeps bytecode."""
    (tmp_path / "probe.mk").write_text(PROBE)
    return f"--file={tmp_path}/probe.mk"


def run_make(*arguments: str, **environment: str) -> str:
    command = ["make", "--no-print-directory", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(
        command, cwd=CHECKOUT, env={"PATH": "/usr/bin:/bin"} | environment, capture_output=True, text=True, check=True
    ).stdout


def test_it_keeps_bytecode_in_the_virtual_environment_where_python_would_keep_none(probe: str) -> None:
    printed = run_make(probe, "probe", PYTHONDONTWRITEBYTECODE="1")
    assert printed == f"False {CHECKOUT}/.venv/bytecode\n"


def test_it_leaves_bytecode_where_python_keeps_it(probe: str) -> None:
    assert run_make(probe, "probe") == "False None\n"


@pytest.mark.parametrize("target", ["run", "test", "dates", "bench"])
@pytest.mark.parametrize("environment", [{}, {"PYTHONDONTWRITEBYTECODE": "1"}])
def test_it_becomes_the_program_so_that_a_signal_reaches_it(target: str, environment: dict[str, str]) -> None:
    recipe = run_make("--dry-run", target, **environment).rstrip().splitlines()[-1]
    assert recipe.startswith("exec ")
