"""The emails about the deletion of an account."""

import json
from base64 import b64encode

from allauth.account.models import EmailAddress
from django.urls import reverse

from accounts.deletion.cancel_links import make_cancel_url
from accounts.deletion.models import DeletionRequest
from accounts.emails.sending import Attachment, public_link, send_email
from accounts.users.models import User
from compliance.personal_data.receipts import ErasureReceipt
from compliance.signing import public_keys

RECEIPT_NAME = "plumbline-deletion-receipt.json"


def send_request_email(request: DeletionRequest) -> None:
    """Send the link that cancels a request. Raises ``SMTPException`` or ``OSError``."""
    context = {"due_at": request.due_at, "cancel_url": make_cancel_url(request)}
    send_email("accounts/email/deletion_requested", _address_of(request.owner), context)


def send_receipt_email(*, email: str, receipt: ErasureReceipt) -> None:
    """Send the receipt of an erasure to the address that the account had. Raises ``SMTPException`` or ``OSError``."""
    files = [Attachment(RECEIPT_NAME, format_receipt(receipt), "application/json")]
    overview_url = public_link(reverse("security_overview"))
    context = {"erased_at": receipt.erased_at, "receipt_name": RECEIPT_NAME, "overview_url": overview_url}
    send_email("accounts/email/account_deleted", email, context, attachments=files)


def format_receipt(receipt: ErasureReceipt) -> str:
    """Return a receipt as a file: the signed document, its signature, and the public key to check it with.

    The key is null for a receipt of an earlier release whose key is not in SIGNING_KEYS any more.
    """
    return json.dumps(
        {
            "document": receipt.document,
            "key_id": receipt.key_id,
            "signature": b64encode(bytes(receipt.signature)).decode(),
            "public_key": receipt.public_key or public_keys().get(receipt.key_id),
        },
        indent=2,
    )


def _address_of(user: User) -> str:
    return EmailAddress.objects.get_primary_email(user) or user.email
