"""The audit trail: the site can only append events, and a change to one is detected.

``record`` writes an event; the database links it to the previous event in the same subject's chain and rejects changes.
``manage.py audit_verify`` recomputes every chain.
"""

from compliance.audit.actions import Action
from compliance.audit.payload import SensitiveFieldError
from compliance.audit.recording import record

__all__ = ["Action", "SensitiveFieldError", "record"]
