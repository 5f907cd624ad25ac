"""What ``manage.py check --deploy --database default`` says about keys, roles and tables."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, connections

from compliance.isolation import history, role_checks, unisolated_tables
from compliance.refusals import doubt, missing_keys, unopened_keys
from compliance.vault.key_checks import ROTATE_AFTER_DAYS, primary_key_age


@register(Tags.security, deploy=True)
def primary_key_is_young(**_: Any) -> list[CheckMessage]:
    """Warn when the primary key-encryption key is due for rotation."""
    age = primary_key_age(settings.FIELD_KEYS, datetime.now(UTC).date())
    if age is None or age <= ROTATE_AFTER_DAYS:
        return []
    return [
        Warning(
            f"The primary key in FIELD_KEYS is {age} days old; the policy is {ROTATE_AFTER_DAYS}.",
            hint="Add a new key, put it first, restart every process, run `manage.py rotate_keys`.",
            id="compliance.W001",
        )
    ]


@register(Tags.database)
def site_role_is_bound(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse a role that row-level security does not hold."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    found = role_checks.find_role_errors(connections[DEFAULT_DB_ALIAS])
    return [Error(text, hint="Run `manage.py setup_database`.", id="compliance.E001") for text in found]


@register(Tags.database)
def tables_keep_owners_apart(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse tables that hold people's rows without keeping them apart."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    return [
        Error(text, id="compliance.E002")
        for text in unisolated_tables.find_unisolated_tables(connections[DEFAULT_DB_ALIAS])
    ]


@register(Tags.database)
def every_data_key_opens(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse a ring that lacks a key which data keys are wrapped under, or whose key by that name opens none."""
    if "ops" not in (databases or ()):
        return []
    faults = [f"Data keys are wrapped under {kek}, which is not in FIELD_KEYS." for kek in missing_keys(using="ops")]
    faults += [doubt(kek, owners) for kek, owners in unopened_keys(using="ops").items()]
    return [Error(fault, id="compliance.E003") for fault in faults]


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
    return [Error(text, hint=history.ADVICE, id="compliance.E004")]
