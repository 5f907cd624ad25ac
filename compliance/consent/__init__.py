"""Consent: what each user agreed to, the exact text, and when they withdrew it.

The ledger is append-only. ``grant`` and ``withdraw`` add a row each, ``get_active_consent`` returns the consent that
allows a purpose now, and the database refuses to change or delete a row. A row refers to its user by id only and
stays when the account is deleted.
"""

from compliance.consent.consent_text import ConsentText, Purpose
from compliance.consent.events import ConsentEvent
from compliance.consent.records import (
    count_consents_by_version,
    get_active_consent,
    grant,
    list_active_consents,
    list_consent_events,
    lock_active_consent,
    withdraw,
)

__all__ = [
    "ConsentEvent",
    "ConsentText",
    "Purpose",
    "count_consents_by_version",
    "get_active_consent",
    "grant",
    "list_active_consents",
    "list_consent_events",
    "lock_active_consent",
    "withdraw",
]
