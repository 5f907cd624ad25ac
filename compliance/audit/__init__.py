"""Keep a record: an audit trail that the site can add to and nobody can quietly change.

``record`` writes an event; the database chains it to the event before it in the same person's trail, refuses
any change, and ``manage.py audit_verify`` recomputes every chain.
"""

from compliance.audit.actions import Action
from compliance.audit.payload import SecretFact
from compliance.audit.recording import record

__all__ = ["Action", "SecretFact", "record"]
