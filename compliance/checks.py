"""System checks of keys, roles and tables. ``docs/system-checks.md`` lists them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, connections

from compliance.isolation import history, role_checks, unisolated_tables
from compliance.signing.key_checks import find_signing_key_errors
from compliance.startup import SERVING, startup_check
from compliance.vault.alerts import report_unreadable
from compliance.vault.errors import SealError
from compliance.vault.key_checks import ROTATE_AFTER_DAYS, find_key_errors, primary_key_age
from compliance.vault.wrapping_keys import describe_unopened_key, find_missing_keys, find_unopened_keys


@startup_check("plumbline.E011")
def check_field_keys() -> list[str]:
    """Refuse keys for sealed fields that are missing, malformed, guessable or part of another secret."""
    return find_key_errors(settings.FIELD_KEYS, settings.SECRET_KEY)


@startup_check("plumbline.E017")
def check_signing_keys() -> list[str]:
    """Refuse keys for signatures that are missing, malformed, guessable or part of another secret."""
    return find_signing_key_errors(
        settings.SIGNING_KEYS, {"SECRET_KEY": settings.SECRET_KEY, "FIELD_KEYS": settings.FIELD_KEYS}
    )


@register(Tags.security, deploy=True)
def check_age_of_primary_key(**_: Any) -> list[CheckMessage]:
    """Warn when the primary key-encryption key is due for rotation."""
    age = primary_key_age(settings.FIELD_KEYS, datetime.now(UTC).date())
    if age is None or age <= ROTATE_AFTER_DAYS:
        return []
    return [
        Warning(
            f"The primary key in FIELD_KEYS is {age} days old; the policy is {ROTATE_AFTER_DAYS}.",
            hint="Add a new key, put it first, restart every process, run `manage.py rotate_keys`.",
            id="plumbline.W004",
        )
    ]


@register(Tags.database, SERVING)
def check_site_role(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse a role that could see rows of other tenants."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    reasons = " ".join(role_checks.find_role_errors(connections[DEFAULT_DB_ALIAS]))
    text = f"DATABASE_URL signs in as a role that may not serve the site. {reasons}"
    hint = "Run `manage.py setup_database` and let DATABASE_URL name app_rw."
    return [Error(text, hint=hint, id="plumbline.E012")] if reasons else []


@register(Tags.database)
def check_isolation_of_tables(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse tables with an owner column that row-level security or a foreign key without the owner leaves open."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    return [
        Error(text, id="plumbline.E013")
        for text in unisolated_tables.find_unisolated_tables(connections[DEFAULT_DB_ALIAS])
    ]


@register(Tags.database)
def check_data_keys(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse a keyring that lacks a key in use, or has another key under its name."""
    if "ops" not in (databases or ()):
        return []
    faults = [
        f"Data keys are wrapped under {kek}, which is not in FIELD_KEYS." for kek in find_missing_keys(using="ops")
    ]
    faults += [describe_unopened_key(kek, owners) for kek, owners in find_unopened_keys(using="ops").items()]
    return [Error(fault, id="plumbline.E014") for fault in faults]


@register(SERVING)
def check_keys_in_use(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse to serve when FIELD_KEYS lacks a key that data keys are wrapped under, or has another one under its name.

    A single data key that cannot be unwrapped affects only its owner: that is a warning, and is reported to operators.
    If the alias ``ops`` is checked too, ``check_data_keys`` reports more.
    """
    if DEFAULT_DB_ALIAS not in (databases or ()) or "ops" in (databases or ()):
        return []
    if missing := find_missing_keys(using=DEFAULT_DB_ALIAS):
        text = f"FIELD_KEYS lacks {', '.join(missing)}, and without it sealed values of people cannot be read."
        hint = "Put it back, after the primary key; `manage.py rotate_keys` says when it can go."
        return [Error(text, hint=hint, id="plumbline.E014")]
    unopened = find_unopened_keys(using=DEFAULT_DB_ALIAS)
    return [_describe_key_in_use(kek, owners) for kek, owners in unopened.items()]


def _describe_key_in_use(kek: str, owners: list[UUID]) -> CheckMessage:
    text = describe_unopened_key(kek, owners)
    if len(owners) > 1:
        hint = "Put the key back that does, and give a new key a name of its own."
        return Error(text, hint=hint, id="plumbline.E014")
    report_unreadable("compliance.datakey.wrapped", row="unknown", owner=owners[0], error=SealError(text))
    return Warning(text, id="plumbline.W006")


@register(Tags.database)
def check_version_of_tables(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse a database that another version made, before ``migrate`` mixes the tables of both."""
    if "owner" not in (databases or ()):
        return []
    connection = connections["owner"]
    with connection.cursor() as cursor:
        unknown = history.find_unknown_migrations(cursor)
    if not unknown:
        return []
    text = history.describe_unknown(str(connection.settings_dict["NAME"]), unknown)
    return [Error(text, hint=history.ADVICE, id="plumbline.E015")]
