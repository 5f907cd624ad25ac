"""/webhook_verification_key/get."""

from typing import Any

from sandbox import signing
from sandbox.world import World


def get(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """The public key that a webhook's signature names."""
    return {"key": signing.public_key(world, body["key_id"])}


ENDPOINTS = {"/webhook_verification_key/get": get}
