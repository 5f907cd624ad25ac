"""``manage.py doctor``: what is configured, what is embedded, what is missing. Never prints a secret."""

import shutil
import smtplib
import stat
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, run_checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django_redis import get_redis_connection
from kombu.exceptions import OperationalError

from banking.credentials import UNREADABLE_CODE
from banking.models import LinkSession, PendingRemoval
from compliance.export import storage
from compliance.isolation import history
from compliance.queues import Lane
from compliance.signing import public_keys
from compliance.vault.inspection import inspect
from compliance.vault.key_checks import ROTATE_AFTER_DAYS, primary_key_age
from compliance.vault.keyring import parse_keyring
from config.celery import app
from credit import bureau_password
from formats.numbers import count

ALIASES = {"default": "app_rw", "owner": "app_owner", "ops": "app_ops", "viewer": "app_viewer"}
WORKER_SECONDS = 2
PROVIDER_SECONDS = 3
SEALED_SECONDS = 10
MAX_NAMED = 5
MIN_FREE_BYTES = 1024**3

# The word of a level in the table. Without the parts with an error, the site does not work.
WORDS = {checks.INFO: "ok", checks.WARNING: "note", checks.ERROR: "MISSING"}


class Command(BaseCommand):
    """Checks every service and setting that the site depends on."""

    help = "Tell what is configured, embedded or missing. Exits with 1 when something required is missing."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the table. Raises ``CommandError`` if a required part is missing."""
        messages = [message for probe in PROBES for message in probe()]
        width = max(len(message.obj) for message in messages)
        for message in messages:
            self.stdout.write(f"{message.obj:<{width}}  {WORDS[message.level]:<7}  {message.msg}")
        if missing := [message.obj for message in messages if message.level >= checks.ERROR]:
            raise CommandError(f"Missing: {', '.join(missing)}.")


def finding(part: str, level: int, text: str) -> CheckMessage:
    """Return one line of the table. An error makes the command fail, a warning does not."""
    return CheckMessage(level, text, obj=part)


def modes() -> Iterator[CheckMessage]:
    """Yield the mode of the site, and the data directory in embedded mode."""
    hardened = "off" if settings.DEBUG else "on"
    yield finding("Mode", checks.INFO, f"hardening {hardened}, PLAID_ENV={settings.PLAID_ENV or 'unset'}")
    if settings.ALLOW_EMBEDDED:
        yield finding("Data directory", checks.INFO, f"{settings.DEV_ENVIRONMENT.parent}")


def databases() -> Iterator[CheckMessage]:
    """Yield for each role whether it can sign in, and with which PostgreSQL."""
    for alias, role in ALIASES.items():
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT current_user, current_setting('server_version')")
                user, version = cursor.fetchone()
        except DatabaseError as error:
            yield finding(f"Database, {alias}", checks.ERROR, first_line(error))
        else:
            level, correction = (checks.INFO, "") if user == role else (checks.ERROR, f"; it should be {role}")
            yield finding(f"Database, {alias}", level, f"PostgreSQL {version} as {user}{correction}")


def migrations() -> Iterator[CheckMessage]:
    """Yield whether all migrations of this version are applied, and no others."""
    try:
        executor = MigrationExecutor(connections["owner"])
        with connections["owner"].cursor() as cursor:
            unknown = history.find_unknown_migrations(cursor)
    except DatabaseError as error:
        yield finding("Tables", checks.ERROR, first_line(error))
        return
    if unknown:
        yield finding("Tables", checks.ERROR, f"made by another version, with {unknown[0]}. {history.ADVICE}")
    elif pending := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield finding("Tables", checks.ERROR, f"{len(pending)} migrations wait: manage.py migrate --database owner")
    else:
        yield finding("Tables", checks.INFO, "every migration is applied")


def isolation() -> Iterator[CheckMessage]:
    """Yield the messages of the checks of roles, tables and data keys."""
    try:
        messages = run_checks(tags=[Tags.database], databases=["default", "ops"])
    except DatabaseError as error:
        yield finding("Isolation", checks.ERROR, f"cannot be looked at: {first_line(error)}")
        return
    for message in messages:
        yield finding("Isolation", checks.ERROR, message.msg)
    if not messages:
        yield finding("Isolation", checks.INFO, "no role and no table lets one person see another's rows")


def broker() -> Iterator[CheckMessage]:
    """Yield whether Redis responds."""
    try:
        info = get_redis_connection("default").info("server")
    except redis.RedisError as error:
        yield finding("Redis", checks.ERROR, first_line(error))
    else:
        yield finding("Redis", checks.INFO, f"{info.get('server_name', 'redis')} {info['redis_version']}")


def workers() -> Iterator[CheckMessage]:
    """Yield how many workers respond, and which queues none of them serves."""
    try:
        queues_by_worker = app.control.inspect(timeout=WORKER_SECONDS).active_queues() or {}
    except OperationalError as error:
        yield finding("Worker", checks.ERROR, first_line(error))
        return
    served = {queue["name"] for queues in queues_by_worker.values() for queue in queues}
    unserved = [lane.queue for lane in Lane if lane.queue not in served]
    count_text = f"{len(queues_by_worker)} answered"
    if not queues_by_worker:
        text = f"none answered in {WORKER_SECONDS} s: start the Procfile's `worker` and `slow`"
        yield finding("Worker", checks.ERROR, text)
    elif unserved:
        yield finding("Worker", checks.ERROR, f"{count_text}, and none serves {', '.join(unserved)}")
    else:
        yield finding("Worker", checks.INFO, count_text)


def mail() -> Iterator[CheckMessage]:
    """Yield whether the mail server responds. No email is sent."""
    backend = settings.EMAIL_BACKEND.rsplit(".", 2)[-2]
    if backend != "smtp":
        yield finding("Mail", checks.WARNING, f"goes to {backend}: nobody receives any")
        return
    address = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    implicit_tls = getattr(settings, "EMAIL_USE_SSL", False)
    connect = smtplib.SMTP_SSL if implicit_tls else smtplib.SMTP
    try:
        with connect(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=PROVIDER_SECONDS) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        yield finding("Mail", checks.ERROR, f"{address}: {first_line(error)}")
    else:
        yield finding("Mail", checks.INFO, address)


def keys() -> Iterator[CheckMessage]:
    """Yield the ids of the keys and the age of the primary field key. The site does not start with invalid keys."""
    names = list(parse_keyring(settings.FIELD_KEYS))
    age = primary_key_age(settings.FIELD_KEYS, datetime.now(UTC).date())
    text = f"{', '.join(names)}; the first is in use" + (f", {age} days old" if age is not None else "")
    is_due = age is not None and age > ROTATE_AFTER_DAYS
    level, suffix = (checks.WARNING, "; rotation is due") if is_due else (checks.INFO, "")
    yield finding("Field keys", level, text + suffix)
    yield finding("Signing keys", checks.INFO, f"{', '.join(public_keys())}; the first signs")
    yield finding("Audit anchors", checks.INFO, settings.AUDIT_ANCHOR_FILE or "in the log alone")


def check_sealed_values() -> Iterator[CheckMessage]:
    """Yield how many sealed values cannot be decrypted, and the first of them."""
    try:
        inspection = inspect(seconds=SEALED_SECONDS)
    except DatabaseError as error:
        yield finding("Sealed values", checks.ERROR, f"cannot be looked at: {first_line(error)}")
        return
    until = "" if inspection.is_complete else f" in {SEALED_SECONDS} s, not all"
    scope = f"{count(inspection.checked)} looked at{until}"
    if inspection.unreadable:
        first = ", ".join(inspection.unreadable[:3])
        yield finding(
            "Sealed values", checks.ERROR, f"{count(len(inspection.unreadable))} cannot be read ({first}); {scope}"
        )
    else:
        yield finding("Sealed values", checks.INFO, f"{scope}; each of them opens")


def check_overdue_work() -> Iterator[CheckMessage]:
    """Yield the Items and link sessions that are billed at Plaid and that only Plaid's support can end."""
    unreadable = PendingRemoval.objects.using("ops").filter(error_code=UNREADABLE_CODE)
    lost = LinkSession.objects.using("ops").filter(state=LinkSession.State.LOST)
    try:
        stuck = [
            f"Item {item_id}" for item_id in unreadable.values_list("item__provider_item_id", flat=True)[:MAX_NAMED]
        ]
        stuck += [f"link session {session_id}" for session_id in lost.values_list("pk", flat=True)[:MAX_NAMED]]
    except DatabaseError as error:
        yield finding("Owed at Plaid", checks.ERROR, f"cannot be looked at: {first_line(error)}")
        return
    if stuck:
        yield finding("Owed at Plaid", checks.WARNING, f"to be ended by Plaid's support: {', '.join(stuck)}")
    else:
        yield finding("Owed at Plaid", checks.INFO, "nothing that only Plaid's support could end")


def plaid() -> Iterator[CheckMessage]:
    """Yield whether Plaid's credentials are set and, for the local sandbox, whether it responds."""
    if settings.PLAID_ENV not in {"embedded", "sandbox", "production"}:
        yield finding("Plaid", checks.ERROR, "PLAID_ENV is not set to embedded, sandbox or production")
    elif not (settings.PLAID_CLIENT_ID and settings.PLAID_SECRET):
        yield finding("Plaid", checks.ERROR, "PLAID_CLIENT_ID and PLAID_SECRET are not set")
    elif settings.PLAID_ENV != "embedded":
        webhooks = settings.PLAID_WEBHOOK_URL or "none: set PUBLIC_URL"
        yield finding("Plaid", checks.INFO, f"{settings.PLAID_ENV}; webhooks to {webhooks}")
    else:
        yield sandbox()


def sandbox() -> CheckMessage:
    """Return whether the local sandbox responds."""
    try:
        # The address is this site's own setting and on this machine, so S310 does not apply.
        with urllib.request.urlopen(f"{settings.PLAID_URL}/healthz", timeout=PROVIDER_SECONDS):  # noqa: S310
            return finding("Plaid", checks.INFO, f"the local sandbox answers at {settings.PLAID_URL}")
    except (urllib.error.URLError, OSError, ValueError) as error:
        return finding("Plaid", checks.ERROR, f"the local sandbox at {settings.PLAID_URL}: {first_line(error)}")


def bureau() -> Iterator[CheckMessage]:
    """Yield the bureau's environment, the kind of inquiries, and the age of our password there."""
    if settings.CREDIT_ENV == "off":
        yield finding("Bureau", checks.WARNING, "CREDIT_ENV=off: no credit reports")
        return
    environment = f"CREDIT_ENV={settings.CREDIT_ENV}, {settings.EXPERIAN_INQUIRY_CLASS or 'unset'} inquiries"
    age = bureau_password.password_age()
    if age is not None:
        warning = bureau_password.password_warning()
        level, text = (checks.WARNING, warning) if warning else (checks.INFO, f"password {age} days old")
    elif settings.CREDIT_ENV == "embedded":
        level, text = checks.INFO, "no password of ours"
    else:
        level = checks.WARNING
        text = "EXPERIAN_PASSWORD_SET_ON is not set, so nobody is warned before the password ends"
    yield finding("Bureau", level, f"{environment}; {text}")


def static_files() -> Iterator[CheckMessage]:
    """Yield whether the static files were collected. With DEBUG they are served from their sources."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if settings.DEBUG:
        yield finding("Static files", checks.INFO, "served from their sources")
    elif manifest.exists():
        yield finding("Static files", checks.INFO, f"collected in {settings.STATIC_ROOT}")
    else:
        yield finding("Static files", checks.ERROR, "manage.py collectstatic --noinput")


def disk() -> Iterator[CheckMessage]:
    """Yield the free disk space where data is written."""
    data_dir = settings.DEV_ENVIRONMENT.parent
    folder = data_dir if settings.ALLOW_EMBEDDED and data_dir.exists() else settings.BASE_DIR
    free = shutil.disk_usage(folder).free
    level = checks.INFO if free >= MIN_FREE_BYTES else checks.WARNING
    yield finding("Disk", level, f"{free / 1024**3:.1f} GB left at {folder}")


def exports() -> Iterator[CheckMessage]:
    """Yield whether the folder of exports can be written, and that nobody else on this machine can read it."""
    try:
        folder = storage.export_dir()
        with tempfile.TemporaryFile(dir=folder):
            mode = folder.stat().st_mode
    except OSError as error:
        yield finding("Exports", checks.ERROR, f"EXPORT_DIR={settings.EXPORT_DIR} cannot be written: {error.strerror}")
        return
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield finding("Exports", checks.WARNING, f"others on this machine may open {folder}: chmod 700")
    else:
        yield finding("Exports", checks.INFO, f"encrypted files in {folder}")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


PROBES: tuple[Callable[[], Iterator[CheckMessage]], ...] = (
    modes,
    databases,
    migrations,
    isolation,
    broker,
    workers,
    mail,
    keys,
    check_sealed_values,
    plaid,
    check_overdue_work,
    bureau,
    static_files,
    exports,
    disk,
)
