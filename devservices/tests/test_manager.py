"""The processes that read programs' output end with their programs, also after the launcher was killed."""

import subprocess
import sys
from pathlib import Path

import psutil

from config.tests.processes import has_ended, wait_until
from devservices.data_dir import CHECKOUT

# Says more than a pipe holds, once nobody reads any more.
PROGRAM = "sh -c 'read -r line; seq 100000'"
LAUNCHER = f"""
import sys
from honcho.printer import Printer
from devservices.manager import ProgramManager
manager = ProgramManager(Printer(sys.stdout))
manager.add_process("loud", {PROGRAM!r} + " < " + sys.argv[1])
manager.loop()
"""


def test_it_ends_when_its_program_does_and_nobody_takes_what_that_said(tmp_path: Path) -> None:
    fifo = tmp_path / "go"
    subprocess.run(["mkfifo", str(fifo)], check=True)
    command = [sys.executable, "-c", LAUNCHER, str(fifo)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        assert "started" in launcher.stdout.readline()
        below = [process.pid for process in psutil.Process(launcher.pid).children(recursive=True)]
        assert below
        launcher.kill()
    fifo.write_text("go\n")
    wait_until(lambda: all(has_ended(process) for process in below), timeout=20)
