"""The doctor command reports what is missing, and prints no secret."""

from datetime import timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from celery.app.control import Control
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.utils import timezone

from compliance.queues import Lane
from compliance.vault.inspection import Inspection
from config.celery import app
from config.management.commands import doctor
from config.tests.programs import run_worker, use_own_queue

pytestmark = pytest.mark.django_db(databases=["default", "owner", "ops", "viewer"])


@pytest.fixture(autouse=True)
def _short_wait_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "WORKER_SECONDS", 0.1)


@pytest.fixture(autouse=True)
def static_root(settings: LazySettings, tmp_path: Path) -> Path:
    """An empty folder for collected static files."""
    settings.STATIC_ROOT = tmp_path
    return tmp_path


def run_doctor() -> tuple[dict[str, str], str]:
    """Run the command. Return its table as {part: "state text"}, and its error message."""
    out = StringIO()
    message = ""
    try:
        call_command("doctor", stdout=out)
    except CommandError as error:
        message = str(error)
    lines = [line.split("  ", 1) for line in out.getvalue().splitlines()]
    return {part: " ".join(rest.split()) for part, rest in lines}, message


def test_it_finds_each_database_role_and_every_table() -> None:
    table, _ = run_doctor()
    assert table["Database, default"].startswith("ok PostgreSQL 18.")
    assert table["Database, default"].endswith("as app_rw")
    assert table["Database, owner"].endswith("as app_owner")
    assert table["Database, ops"].endswith("as app_ops")
    assert table["Database, viewer"].endswith("as app_viewer")
    assert table["Tables"] == "ok every migration is applied"
    assert table["Isolation"].startswith("ok")
    assert table["Redis"].startswith("ok")


def test_it_fails_and_lists_what_is_missing() -> None:
    table, message = run_doctor()
    assert table["Worker"].startswith("MISSING none answered")
    assert table["Plaid"].startswith("MISSING the local sandbox")
    assert message == "Missing: Worker, Plaid, Static files."


def test_it_names_the_queues_that_no_worker_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "WORKER_SECONDS", 5)
    with (
        use_own_queue(f"examined-{uuid4().hex}") as queue,
        run_worker(queue, lanes=(Lane.SHARED, Lane.WEBHOOKS, Lane.ROUTINE), processes=1),
    ):
        monkeypatch.setattr(app, "control", Control(app))
        table, _ = run_doctor()
    assert table["Worker"] == f"MISSING 1 answered, and none serves {queue}.slow"


def test_it_finds_collected_static_files(static_root: Path) -> None:
    (static_root / "staticfiles.json").touch()
    table, _ = run_doctor()
    assert table["Static files"] == f"ok collected in {static_root}"


def test_it_reports_an_unreachable_redis(settings: LazySettings) -> None:
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": "redis://:the-password@127.0.0.1:1/0"},
    }
    table, message = run_doctor()
    assert table["Redis"].startswith("MISSING Error")
    assert "Redis" in message
    assert "the-password" not in "".join(table.values())


@pytest.mark.parametrize("name", ["SECRET_KEY", "FIELD_KEYS", "SIGNING_KEYS", "PLAID_SECRET", "PLAID_CLIENT_ID"])
def test_it_prints_no_secret(settings: LazySettings, name: str) -> None:
    table, message = run_doctor()
    secret = getattr(settings, name).rpartition(":")[2]
    assert len(secret) > 10
    assert secret not in "".join(table.values()) + message


def test_it_shows_the_field_key_in_use_and_a_due_rotation(settings: LazySettings) -> None:
    (key,) = settings.FIELD_KEYS.split(",")
    settings.FIELD_KEYS = f"kek-20200101:{key.partition(':')[2]}"
    table, _ = run_doctor()
    assert table["Field keys"].startswith("note kek-20200101; the first is in use, ")
    assert table["Field keys"].endswith("rotation is due")
    assert table["Signing keys"].endswith("; the first signs")
    assert table["Audit anchors"].endswith(settings.AUDIT_ANCHOR_FILE or "in the log alone")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"PLAID_ENV": ""}, "PLAID_ENV is not set"),
        ({"PLAID_ENV": "production", "PLAID_SECRET": ""}, "PLAID_CLIENT_ID and PLAID_SECRET are not set"),
    ],
)
def test_it_names_missing_settings_of_plaid(settings: LazySettings, changes: dict[str, str], text: str) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    table, message = run_doctor()
    assert table["Plaid"].startswith(f"MISSING {text}")
    assert "Plaid" in message


def test_it_reports_an_unreachable_mail_server(settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    table, message = run_doctor()
    assert table["Mail"].startswith("MISSING 127.0.0.1:1: ")
    assert "Mail" in message


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (None, "ok CREDIT_ENV=embedded, soft inquiries; no password of ours"),
        (10, "ok CREDIT_ENV=embedded, soft inquiries; password 10 days old"),
        (80, "note CREDIT_ENV=embedded, soft inquiries; The bureau's password is 80 days old and ends at 90. "),
    ],
)
def test_it_shows_the_age_of_the_bureaus_password(settings: LazySettings, days: int | None, text: str) -> None:
    settings.EXPERIAN_PASSWORD_SET_ON = None if days is None else timezone.now().date() - timedelta(days=days)
    table, _ = run_doctor()
    assert table["Bureau"].startswith(text)


def test_it_notes_a_missing_start_date_of_the_bureaus_password(settings: LazySettings) -> None:
    settings.CREDIT_ENV = "production"
    assert run_doctor()[0]["Bureau"].startswith("note CREDIT_ENV=production, soft inquiries; EXPERIAN_PASSWORD_SET_ON")
    settings.CREDIT_ENV = "off"
    assert run_doctor()[0]["Bureau"] == "note CREDIT_ENV=off: no credit reports"


def test_it_counts_sealed_values_that_it_decrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "inspect", lambda **_: Inspection(checked=1200, is_complete=False))
    table, _ = run_doctor()
    assert table["Sealed values"] == "ok 1,200 looked at in 10 s, not all; each of them opens"
    assert table["Owed at Plaid"].startswith("ok")


def test_it_names_sealed_values_that_it_cannot_decrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [f"banking.item.access_token {number}" for number in range(4)]
    monkeypatch.setattr(doctor, "inspect", lambda **_: Inspection(checked=9, unreadable=broken))
    table, message = run_doctor()
    assert table["Sealed values"].startswith(f"MISSING 4 cannot be read ({', '.join(broken[:3])})")
    assert "Sealed values" in message
