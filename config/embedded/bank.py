"""Ask the local sandbox for a public token, as its linking dialog would hand one out.

Source: https://plaid.com/docs/api/sandbox/#sandboxpublic_tokencreate
"""

import json
from urllib.request import Request, urlopen

from django.conf import settings

TIMEOUT = 10


class SandboxAway(Exception):
    """The sandbox program does not answer."""


def public_token(*, institution_id: str, persona: str) -> str:
    """Return a public token for one of the sandbox's people at one of its banks. Raises ``SandboxAway``."""
    body = {
        "institution_id": institution_id,
        "initial_products": ["transactions"],
        "options": {
            "override_username": persona,
            "override_password": "pass_good",
            "transactions": {"days_requested": settings.PLAID_DAYS_REQUESTED},
        },
    }
    request = Request(  # noqa: S310  (the address is the operator's own setting, on this machine)
        f"{settings.PLAID_URL}/sandbox/public_token/create",
        data=json.dumps(body).encode(),
        headers={
            "Content-Type": "application/json",
            "PLAID-CLIENT-ID": settings.PLAID_CLIENT_ID,
            "PLAID-SECRET": settings.PLAID_SECRET,
        },
    )
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return str(json.load(answer)["public_token"])
    except OSError as error:
        raise SandboxAway(f"The sandbox at {settings.PLAID_URL} does not answer: {error}") from None
