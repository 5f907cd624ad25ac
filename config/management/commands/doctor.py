"""``manage.py doctor``: what is configured, what is embedded, what is missing. Never prints a secret."""

import shutil
import smtplib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django_redis import get_redis_connection
from kombu.exceptions import OperationalError

from banking.credentials import UNREADABLE_CODE
from banking.models import LinkSession, PendingRemoval
from compliance.isolation import history
from compliance.queues import Lane
from compliance.vault.inspection import inspect
from compliance.vault.key_checks import ROTATE_AFTER_DAYS, primary_key_age
from compliance.vault.keyring import parse_keyring
from config.celery import app
from credit import bureau_password

ALIASES = {"default": "app_rw", "owner": "app_owner", "ops": "app_ops", "viewer": "app_viewer"}
WORKER_SECONDS = 2
PROVIDER_SECONDS = 3
SEALED_SECONDS = 10
MOST_NAMED = 5
LEAST_ROOM = 1024**3

OK, NOTE, MISSING = "ok", "note", "MISSING"


@dataclass(frozen=True)
class Finding:
    """One line of the table. MISSING makes the command fail; a note does not."""

    part: str
    state: str
    says: str


class Command(BaseCommand):
    """Looks at every part that the site stands on."""

    help = "Tell what is configured, embedded or missing. Exits with 1 when something required is missing."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the table; raise CommandError when a required part is missing."""
        findings = [finding for look in LOOKS for finding in look()]
        width = max(len(finding.part) for finding in findings)
        for finding in findings:
            self.stdout.write(f"{finding.part:<{width}}  {finding.state:<7}  {finding.says}")
        if missing := [finding.part for finding in findings if finding.state == MISSING]:
            raise CommandError(f"Missing: {', '.join(missing)}.")


def modes() -> Iterator[Finding]:
    """Yield what kind of site this is."""
    hardened = "off" if settings.DEBUG else "on"
    yield Finding("Mode", OK, f"hardening {hardened}, PLAID_ENV={settings.PLAID_ENV or 'unset'}")
    if settings.ALLOW_EMBEDDED:
        yield Finding("Data directory", OK, f"{settings.DEV_ENVIRONMENT.parent}")


def databases() -> Iterator[Finding]:
    """Yield for each role whether it can sign in, and with which PostgreSQL."""
    for alias, role in ALIASES.items():
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT current_user, current_setting('server_version')")
                user, version = cursor.fetchone()
        except DatabaseError as error:
            yield Finding(f"Database, {alias}", MISSING, first_line(error))
        else:
            state, wish = (OK, "") if user == role else (MISSING, f"; it should be {role}")
            yield Finding(f"Database, {alias}", state, f"PostgreSQL {version} as {user}{wish}")


def migrations() -> Iterator[Finding]:
    """Yield whether the tables are those of this version."""
    try:
        executor = MigrationExecutor(connections["owner"])
        with connections["owner"].cursor() as cursor:
            unknown = history.find_unknown_migrations(cursor)
    except DatabaseError as error:
        yield Finding("Tables", MISSING, first_line(error))
        return
    if unknown:
        yield Finding("Tables", MISSING, f"made by another version, with {unknown[0]}. {history.ADVICE}")
    elif waiting := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield Finding("Tables", MISSING, f"{len(waiting)} migrations wait: manage.py migrate --database owner")
    else:
        yield Finding("Tables", OK, "every migration is applied")


def isolation() -> Iterator[Finding]:
    """Yield what the checks have to say about roles, tables and data keys."""
    try:
        messages = run_checks(tags=[Tags.database], databases=["default", "ops"])
    except DatabaseError as error:
        yield Finding("Isolation", MISSING, f"cannot be looked at: {first_line(error)}")
        return
    for message in messages:
        yield Finding("Isolation", MISSING, message.msg)
    if not messages:
        yield Finding("Isolation", OK, "no role and no table lets one person see another's rows")


def broker() -> Iterator[Finding]:
    """Yield whether Redis answers."""
    try:
        known = get_redis_connection("default").info("server")
    except redis.RedisError as error:
        yield Finding("Redis", MISSING, first_line(error))
    else:
        yield Finding("Redis", OK, f"{known.get('server_name', 'redis')} {known['redis_version']}")


def workers() -> Iterator[Finding]:
    """Yield how many workers answer, and which queues none of them serves."""
    try:
        answers = app.control.inspect(timeout=WORKER_SECONDS).active_queues() or {}
    except OperationalError as error:
        yield Finding("Worker", MISSING, first_line(error))
        return
    served = {queue["name"] for queues in answers.values() for queue in queues}
    unserved = [lane.queue for lane in Lane if lane.queue not in served]
    if not answers:
        patience = f"none answered in {WORKER_SECONDS} s"
        yield Finding("Worker", MISSING, f"{patience}: start the Procfile's `worker` and `slow`")
    elif unserved:
        yield Finding("Worker", MISSING, f"{len(answers)} answered, and none serves {', '.join(unserved)}")
    else:
        yield Finding("Worker", OK, f"{len(answers)} answered")


def mail() -> Iterator[Finding]:
    """Yield whether the mail server answers. Nothing is sent."""
    backend = settings.EMAIL_BACKEND.rsplit(".", 2)[-2]
    if backend != "smtp":
        yield Finding("Mail", NOTE, f"goes to {backend}: nobody receives any")
        return
    place = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    implicit_tls = getattr(settings, "EMAIL_USE_SSL", False)
    connect = smtplib.SMTP_SSL if implicit_tls else smtplib.SMTP
    try:
        with connect(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=PROVIDER_SECONDS) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        yield Finding("Mail", MISSING, f"{place}: {first_line(error)}")
    else:
        yield Finding("Mail", OK, place)


def keys() -> Iterator[Finding]:
    """Yield the ids of the field keys and the age of the one in use. The vault refuses bad ones at start-up."""
    names = list(parse_keyring(settings.FIELD_KEYS))
    age = primary_key_age(settings.FIELD_KEYS, datetime.now(UTC).date())
    says = f"{', '.join(names)}; the first is in use" + (f", {age} days old" if age is not None else "")
    due = age is not None and age > ROTATE_AFTER_DAYS
    yield Finding("Field keys", NOTE if due else OK, f"{says}; rotation is due" if due else says)


def sealed_values() -> Iterator[Finding]:
    """Yield how many sealed values do not open, and which the first of them are."""
    try:
        found = inspect(seconds=SEALED_SECONDS)
    except DatabaseError as error:
        yield Finding("Sealed values", MISSING, f"cannot be looked at: {first_line(error)}")
        return
    scope = f"{found.checked:,} looked at" + ("" if found.is_complete else f" in {SEALED_SECONDS} s, not all")
    if found.unreadable:
        first = ", ".join(found.unreadable[:3])
        yield Finding("Sealed values", MISSING, f"{len(found.unreadable):,} cannot be read ({first}); {scope}")
    else:
        yield Finding("Sealed values", OK, f"{scope}; each of them opens")


def owed() -> Iterator[Finding]:
    """Yield what is still owed at the provider and can be paid by nobody but an operator."""
    unreadable = PendingRemoval.objects.using("ops").filter(error_code=UNREADABLE_CODE)
    lost = LinkSession.objects.using("ops").filter(state=LinkSession.State.LOST)
    try:
        stuck = [
            f"Item {item_id}" for item_id in unreadable.values_list("item__provider_item_id", flat=True)[:MOST_NAMED]
        ]
        stuck += [f"link session {session_id}" for session_id in lost.values_list("pk", flat=True)[:MOST_NAMED]]
    except DatabaseError as error:
        yield Finding("Owed at Plaid", MISSING, f"cannot be looked at: {first_line(error)}")
        return
    if stuck:
        yield Finding("Owed at Plaid", NOTE, f"to be ended by Plaid's support: {', '.join(stuck)}")
    else:
        yield Finding("Owed at Plaid", OK, "nothing that only Plaid's support could end")


def plaid() -> Iterator[Finding]:
    """Yield whether Plaid's credentials are set and, for the local sandbox, whether it answers."""
    if settings.PLAID_ENV not in {"embedded", "sandbox", "production"}:
        yield Finding("Plaid", MISSING, "PLAID_ENV is not set to embedded, sandbox or production")
    elif not (settings.PLAID_CLIENT_ID and settings.PLAID_SECRET):
        yield Finding("Plaid", MISSING, "PLAID_CLIENT_ID and PLAID_SECRET are not set")
    elif settings.PLAID_ENV != "embedded":
        webhooks = settings.PLAID_WEBHOOK_URL or "none: set PUBLIC_URL"
        yield Finding("Plaid", OK, f"{settings.PLAID_ENV}; webhooks to {webhooks}")
    else:
        yield sandbox()


def sandbox() -> Finding:
    """Return whether the local sandbox answers."""
    try:
        # The address is this site's own setting, and leads to this machine.
        with urllib.request.urlopen(f"{settings.PLAID_URL}/healthz", timeout=PROVIDER_SECONDS):  # noqa: S310
            return Finding("Plaid", OK, f"the local sandbox answers at {settings.PLAID_URL}")
    except (urllib.error.URLError, OSError, ValueError) as error:
        return Finding("Plaid", MISSING, f"the local sandbox at {settings.PLAID_URL}: {first_line(error)}")


def bureau() -> Iterator[Finding]:
    """Yield which bureau is asked, with what kind of inquiry, and how old our password there is."""
    if settings.CREDIT_ENV == "off":
        yield Finding("Bureau", NOTE, "CREDIT_ENV=off: no credit reports")
        return
    says = f"CREDIT_ENV={settings.CREDIT_ENV}, {settings.EXPERIAN_INQUIRY_CLASS or 'unset'} inquiries"
    age = bureau_password.password_age()
    if age is not None:
        warning = bureau_password.password_warning()
        state, told = (NOTE, warning) if warning else (OK, f"password {age} days old")
    elif settings.CREDIT_ENV == "embedded":
        state, told = OK, "no password of ours"
    else:
        state, told = NOTE, "EXPERIAN_PASSWORD_SET_ON is not set, so nobody is warned before the password ends"
    yield Finding("Bureau", state, f"{says}; {told}")


def static_files() -> Iterator[Finding]:
    """Yield whether the static files were collected; with DEBUG they are served from where they lie."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if settings.DEBUG:
        yield Finding("Static files", OK, "served from their sources")
    elif manifest.exists():
        yield Finding("Static files", OK, f"collected in {settings.STATIC_ROOT}")
    else:
        yield Finding("Static files", MISSING, "manage.py collectstatic --noinput")


def disk() -> Iterator[Finding]:
    """Yield the room that is left where data are written."""
    data_dir = settings.DEV_ENVIRONMENT.parent
    place = data_dir if settings.ALLOW_EMBEDDED and data_dir.exists() else settings.BASE_DIR
    free = shutil.disk_usage(place).free
    state = OK if free >= LEAST_ROOM else NOTE
    yield Finding("Disk", state, f"{free / 1024**3:.1f} GB left at {place}")


def first_line(error: BaseException) -> str:
    """Return what an error says, without the lines that follow."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    modes,
    databases,
    migrations,
    isolation,
    broker,
    workers,
    mail,
    keys,
    sealed_values,
    plaid,
    owed,
    bureau,
    static_files,
    disk,
)
