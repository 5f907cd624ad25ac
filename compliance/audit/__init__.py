"""The audit trail: the site can append events, and nobody can change one unnoticed.

``record`` writes an event; the database links it to the previous event in the same person's chain and rejects changes.
``manage.py audit_verify`` recomputes every chain.
"""

from compliance.audit.actions import Action
from compliance.audit.payload import SensitiveFieldError
from compliance.audit.recording import record

__all__ = ["Action", "SensitiveFieldError", "record"]
