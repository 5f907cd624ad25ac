"""/webhook_verification_key/get."""

from typing import Any

from sandbox.context import AppContext
from sandbox.webhooks import signing


def get(context: AppContext, body: dict[str, Any]) -> dict[str, Any]:
    """Return the public key with this id."""
    return {"key": signing.public_key(context, body["key_id"])}


ENDPOINTS = {"/webhook_verification_key/get": get}
