"""The bureau of the sandbox program, and a client to control it from tests."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import urllib3

from credit.experian.bureau import ExperianBureau
from credit.provider import (
    Applicant,
    PullOptions,
)
from credit.tests.client_samples import CONSENT, make_client

CLIENT_ID, SECRET, ADMIN_TOKEN = "sandbox-client", "sandbox-secret", "sandbox-admin"
PERSONAS = {
    "P01": ("ADA", "MERCER", "666011001"),
    "P02": ("NOEL", "BRIGHT", "666021002"),
    "P03": ("DANA", "ROURKE", "666031003"),
    "P04": ("ZED", "NOBODY", "666041004"),
    "P05": ("FAYE", "COLD", "666051005"),
    # For this number the bureau returns the file of P01 and says that it does not match.
    "P06": ("ADA", "MERCER", "666061006"),
    "P07": ("OLD", "TIMER", "666071007"),
    "P08": ("KIM", "SENTRY", "666081008"),
    "P09": ("LOU", "FRESHSTART", "666091009"),
    "P10": ("IVY", "QUIET", "666101010"),
    "P11": ("RAE", "RIVERA", "666111011"),
    "P12": ("QUINN", "O'DDITY", "666121012"),
    "P13": ("MAX", "LARGE", "666131013"),
    "P14": ("TEA", "PIGGYBACK", "666141014"),
    "P15": ("JUNE", "ORDWAY", "666151015"),
}
PERSONAS_WITH_FILE = sorted(PERSONAS.keys() - {"P04"})


@dataclass
class Bureau:
    """The URL of the bureau, and the number of pulls so far."""

    url: str
    pulls: int = 0

    def control(self, path: str, body: dict[str, Any] | None = None, *, method: str = "POST") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        response = urllib3.request(method, f"{self.url}/_double/{path}", json=body or {}, headers=headers, timeout=30)
        assert response.status == 200, response.data.decode()
        return dict(response.json())

    def fault(self, kind, *, endpoint="report", **action):
        self.control("bureau/faults", {"match": {"endpoint": endpoint}, "action": {"kind": kind, **action}})

    def calls(self):
        return self.control("bureau/calls", method="GET")["calls"]

    def count_reports_made(self):
        """Count the reports produced since the last reset. Waits for a first call, which is listed when it ends."""
        deadline = time.monotonic() + 10
        while not (report_calls := [call for call in self.calls() if call["endpoint"] == "report"]):
            assert time.monotonic() < deadline
        return sum(call["produced"] for call in report_calls)

    def client(self, **changes):
        keys = {"client_id": CLIENT_ID, "client_secret": SECRET, "username": "bureau_user", "password": "bureau_pass"}
        return make_client(self.url, **{**keys, **changes})

    def pull(self, persona, *, applicant=None, **changes):
        self.pulls += 1
        options = PullOptions(f"attempt{self.pulls}")
        return self.client(**changes).fetch(applicant or make_applicant(persona), CONSENT, options)

    def pull_report(self, persona, **options):
        asof = (datetime.now(UTC) + timedelta(days=400)).date()
        return ExperianBureau().normalize(self.pull(persona, **options).body, asof=asof)


def make_applicant(persona):
    first, last, ssn = PERSONAS[persona]
    number = int(persona[1:])
    line1 = f"{100 + number} Maple St"
    return Applicant(first, last, line1, "46360", city="Michigan City", state="IN", birth=1970 + number, ssn=ssn)


@contextmanager
def sandbox(folder: Path) -> Iterator[Bureau]:
    """Run a separate sandbox, whose clock a test can move."""
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--data", str(folder)]
    keys = {"SANDBOX_CLIENT_ID": CLIENT_ID, "SANDBOX_SECRET": SECRET, "SANDBOX_ADMIN_TOKEN": ADMIN_TOKEN}
    with subprocess.Popen(command, env=os.environ | keys, stdout=subprocess.PIPE, text=True) as process:
        try:
            # "sandbox: ready on http://127.0.0.1:40123", or nothing if it could not start.
            yield Bureau(process.stdout.readline().split()[-1])
        finally:
            process.terminate()
