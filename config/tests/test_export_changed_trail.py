"""An audit trail that was changed in the database is a fact about the data: its person gets the export, and is told."""

import os
import re
from base64 import b64encode
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils.html import escape

from accounts.models import User
from compliance.audit import Action, record
from compliance.audit.checkpoints import purge_trail
from compliance.audit.faults import ChainFault
from compliance.export.data_export import ExportState
from compliance.tests.tampering import TAMPERING, connect_as_superuser, insert_old_events, tampering_superuser
from config.tests.exports import build, download, folder, reload_export, request, run_verifier
from conftest import make_signed_in_client

__all__ = ["folder"]
pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "ops"]),
    pytest.mark.usefixtures("folder"),
]

# The fault that the site finds first, and a part of what the program in the file says. Without its head a chain takes
# no entry, so that an export cannot be requested.
FAULTS = {
    "content changed": (ChainFault.CHANGED, "Entry 3 of the audit trail was changed."),
    "time moved by a microsecond": (ChainFault.CHANGED, "Entry 3 of the audit trail was changed."),
    "event deleted": (ChainFault.EVENT_MISSING, "Entry 3 of the audit trail is gone."),
    "beginning cut off": (ChainFault.PREDECESSOR_MISSING, "What came before entry 3 of the audit trail is gone."),
    "end cut off": (ChainFault.PREDECESSOR_MISSING, "of the audit trail is gone."),
    "two swapped": (ChainFault.CHANGED, "of the audit trail"),
    "link rewritten": (ChainFault.CHANGED, "Entry 3 of the audit trail was changed."),
    "head rewritten": (ChainFault.CHANGED, "of the audit trail was changed."),
    "whole chain deleted": (ChainFault.PREDECESSOR_MISSING, "What came before entry 6 of the audit trail is gone."),
    "outcome changed": (ChainFault.CHANGED, "Entry 3 of the audit trail was changed."),
    "actor invented": (ChainFault.CHANGED, "Entry 3 of the audit trail was changed."),
    "payload changed": (ChainFault.CHANGED, "Entry 3 of the audit trail was changed."),
    "event and link deleted": (ChainFault.PREDECESSOR_MISSING, "What came before entry 4 of the audit trail is gone."),
    "event without link": (ChainFault.UNLINKED, "is not part of the audit trail."),
    "event moved to another user": (ChainFault.EVENT_MISSING, "Entry 3 of the audit trail is gone."),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_user_whose_trail_was_changed_gets_their_data(
    alice: User, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    fault, sentence = FAULTS[name]
    for number in range(5):
        record(Action.SYNC, subject=alice, number=number)
    with tampering_superuser() as tamper:
        tamper(TAMPERING[name][0].replace("{chain}", str(alice.pk)))
        export = request(alice)
        assert build(export)
        export = reload_export(export)
        assert (export.state, export.error_code, export.attempts) == (ExportState.READY, "", 1)
        assert f"Export {export.pk} has an audit trail with a fault: {fault} " in caplog.text
        done = run_verifier(download(export), tmp_path / "empty")
        assert (done.returncode, sentence in done.stdout) == (1, True), done.stdout
        assert re.search("^OK .* files with .* rows are complete and unchanged.$", done.stdout, re.MULTILINE)


def test_a_user_gets_their_data_after_the_key_of_their_checkpoint_was_removed(
    alice: User, settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with tampering_superuser(), connect_as_superuser() as session:
        insert_old_events(session, alice.pk, days=400, count=4)
        record(Action.SYNC, subject=alice)
        assert purge_trail() >= 4
        settings.SIGNING_KEYS = "other:" + b64encode(os.urandom(32)).decode()
        export = request(alice)
        assert build(export)
        assert f"has an audit trail with a fault: {ChainFault.CHECKPOINT_FORGED} " in caplog.text
        done = run_verifier(download(export), tmp_path / "empty")
        assert (done.returncode, "which signed where the audit trail begins" in done.stdout) == (1, True)


def test_the_page_says_so_before_the_download(alice: User) -> None:
    sentence = escape("When we last checked your activity log, something was wrong with it.")
    record(Action.SYNC, subject=alice)
    client = make_signed_in_client(alice)
    with tampering_superuser() as tamper:
        export = request(alice)
        build(export)
        url = reverse("download_export", args=[export.pk])
        assert sentence not in client.get(url).content.decode()
        tamper(f"UPDATE audit_event SET action = 'connect' WHERE subject = '{alice.pk}' AND action = 'sync'")
        export = request(alice)
        build(export)
        page = client.get(reverse("download_export", args=[export.pk])).content.decode()
    assert sentence in page
    assert f'href="{reverse("activity")}"' in page
