"""What tests read in an anchor file, and how they forge its lines."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from compliance.audit.anchors.lines import AnchorLine
from compliance.audit.anchors.verification import AnchorVerification, FileProblem
from compliance.audit.faults import ChainProblem


def describe_anchor_problems(path: Path) -> list[str]:
    return [problem.description for problem in list_anchor_problems(path)]


def list_anchor_problems(path: Path) -> list[ChainProblem | FileProblem]:
    return list(AnchorVerification(path).find_problems())


def read_lines(path: Path) -> list[AnchorLine]:
    return [AnchorLine.parse(text) for text in path.read_text().splitlines()]


def forge(line: AnchorLine, **changes: Any) -> str:
    """Return the text of a line with another content and the old signature."""
    return json.dumps(json.loads(line.to_text()) | changes, sort_keys=True, separators=(",", ":"))


def run_audit_verify(path: Path) -> tuple[str, str]:
    """Return the output of the command, and the message with which it failed."""
    out = StringIO()
    try:
        call_command("audit_verify", anchors=path, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""
