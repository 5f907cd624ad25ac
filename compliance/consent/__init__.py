"""Ask first: what each person agreed to, in which exact words, and when they took it back.

The ledger only grows. ``give`` and ``withdraw`` add a row each, ``living`` says whether a purpose is allowed now,
and the database refuses to change or delete a row. A row names its person by id alone and outlives the account.
"""

from compliance.consent.events import ConsentEvent
from compliance.consent.ledger import give, history, living, withdraw
from compliance.consent.wording import Purpose, Wording

__all__ = ["ConsentEvent", "Purpose", "Wording", "give", "history", "living", "withdraw"]
