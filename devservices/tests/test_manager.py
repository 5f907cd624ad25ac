"""The processes that read the programs' output end with them, even if the launcher was killed."""

import subprocess
import sys
from pathlib import Path

import psutil

from config.tests.processes import has_ended, wait_until
from devservices.data_dir import CHECKOUT

# Prints more than a pipe can hold, once the launcher has been killed.
PROGRAM = "sh -c 'read -r line; seq 100000'"
LAUNCHER = f"""
import sys
from honcho.printer import Printer
from devservices.manager import ProgramManager
manager = ProgramManager(Printer(sys.stdout))
manager.add_process("loud", {PROGRAM!r} + " < " + sys.argv[1])
manager.loop()
"""


def test_it_ends_with_its_program_even_if_nothing_reads_the_output(tmp_path: Path) -> None:
    fifo = tmp_path / "go"
    subprocess.run(["mkfifo", str(fifo)], check=True)
    command = [sys.executable, "-c", LAUNCHER, str(fifo)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        assert "started" in launcher.stdout.readline()
        children = [process.pid for process in psutil.Process(launcher.pid).children(recursive=True)]
        assert children
        launcher.kill()
    fifo.write_text("go\n")
    wait_until(lambda: all(has_ended(process) for process in children), timeout=20)
