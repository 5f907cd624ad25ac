"""Checks whether FIELD_KEYS has the keys that data keys are wrapped under. Queries the database."""

from collections import defaultdict
from uuid import UUID

from django.db import connections

from compliance.isolation.tenant import tenant_cursor
from compliance.vault.data_keys import wrapping_aad
from compliance.vault.errors import SealError
from compliance.vault.keyring import keyring

KEYS_IN_USE = "SELECT kek FROM compliance_keys_in_use()"
KEYS_OF_OWNER = "SELECT DISTINCT kek FROM compliance_datakey WHERE owner = %s"
# One data key that cannot be unwrapped may be damaged. If none of several can, they were wrapped under another key.
SAMPLES = "SELECT kek, owner, wrapped FROM compliance_key_samples(5)"


def find_missing_keys(*, using: str) -> list[str]:
    """List the names of keys that data keys are wrapped under and FIELD_KEYS lacks."""
    with connections[using].cursor() as cursor:
        cursor.execute(KEYS_IN_USE)
        return sorted(name for (name,) in cursor.fetchall() if name not in keyring())


def find_missing_keys_of(owner: UUID) -> list[str]:
    """List the names of keys that this owner's data keys are wrapped under and FIELD_KEYS lacks."""
    with tenant_cursor(owner) as cursor:
        cursor.execute(KEYS_OF_OWNER, [owner])
        return sorted(name for (name,) in cursor.fetchall() if name not in keyring())


def find_unopened_keys(*, using: str) -> dict[str, list[UUID]]:
    """Return the keys that unwrap none of a sample of their data keys, each with the owners of that sample."""
    with connections[using].cursor() as cursor:
        cursor.execute(SAMPLES)
        samples = [sample for sample in cursor.fetchall() if sample[0] in keyring()]
    working = {kek for kek, owner, wrapped in samples if can_unwrap(kek, owner, wrapped)}
    unopened = defaultdict(list)
    for kek, owner, _ in samples:
        if kek not in working:
            unopened[kek].append(owner)
    return dict(sorted(unopened.items()))


def describe_unopened_key(kek: str, owners: list[UUID]) -> str:
    """Return the error message for a key that unwraps no data key of these owners."""
    if len(owners) == 1:
        return (
            f"The only data key under {kek} does not open: it is damaged, or FIELD_KEYS has another key by that name."
        )
    return f"What FIELD_KEYS has by the name of {kek} opens none of the data keys that were wrapped under it."


def can_unwrap(kek: str, owner: UUID, wrapped: bytes) -> bool:
    """Return whether a data key can be unwrapped."""
    try:
        keyring().unwrap(kek, bytes(wrapped), wrapping_aad(owner))
    except SealError:
        return False
    return True
