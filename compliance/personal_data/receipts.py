"""The receipt of an erasure: what was deleted, what stays and why, signed by this site.

A receipt stays for good. It names the person by their random id alone, and it keeps a new data key from being made for
them.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import models

from compliance.isolation.models import BoundQuerySet, new_id
from compliance.signing import Signature, public_keys, sign, verify

SCHEMA: Final = "plumbline/erasure-receipt/v1"


class ErasureReceipt(models.Model):
    """The signed record of one person's erasure. ``document`` is the exact text that was signed: JSON in UTF-8.

    ``public_key`` is the one of ``key_id``, in base64, so that a receipt can be sent after its key was removed from
    SIGNING_KEYS. It is empty in receipts of earlier releases.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.UUIDField(unique=True, editable=False)
    erased_at = models.DateTimeField()
    document = models.TextField()
    key_id = models.CharField(max_length=63)
    signature = models.BinaryField()
    public_key = models.CharField(max_length=63)

    objects = BoundQuerySet.as_manager()

    def is_genuine(self) -> bool:
        """Whether this site signed the document. Raises ``SigningKeyMissing``."""
        return verify(SCHEMA, self.document.encode(), Signature(self.key_id, bytes(self.signature)))


def create_receipt(
    *,
    owner: UUID,
    requested_at: datetime,
    erased_at: datetime,
    deleted: Mapping[str, int],
    kept: Mapping[str, str],
    pending: Mapping[str, int],
) -> ErasureReceipt:
    """Sign and store a receipt, in the open transaction.

    ``deleted`` has the number of deleted rows by model, ``kept`` the reason by model, ``pending`` what is still to be
    done elsewhere.
    """
    document = encode_document(
        {
            "schema": SCHEMA,
            "site": settings.PUBLIC_URL,
            "account": str(owner),
            "requested_at": requested_at.isoformat(),
            "erased_at": erased_at.isoformat(),
            "deleted": deleted,
            "kept": kept,
            "pending": pending,
        }
    )
    signature = sign(SCHEMA, document.encode())
    return ErasureReceipt.objects.create(
        owner=owner,
        erased_at=erased_at,
        document=document,
        key_id=signature.key_id,
        signature=signature.value,
        public_key=public_keys()[signature.key_id],
    )


def encode_document(content: Mapping[str, Any]) -> str:
    """Encode JSON so that the same content always gives the same text."""
    return json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False)
