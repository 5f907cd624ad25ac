"""Complete the local sandbox's linking dialog, with the same requests as its pages."""

import json
from typing import Any
from urllib.request import Request, urlopen

from django.conf import settings

TIMEOUT = 10


class SandboxAway(Exception):
    """The sandbox does not respond, or its dialog ended with an error."""


def public_token(*, link_token: str, institution_id: str, persona: str) -> str:
    """Choose a bank, sign in as a persona, share all accounts, and return the public token. Raises ``SandboxAway``."""
    session = {"link_token": link_token, "link_session_id": step("open", link_token=link_token)["link_session_id"]}
    sign_in = {"institution_id": institution_id, "username": persona, "password": "pass_good"}
    accounts = step("credentials", **session, **sign_in)["accounts"]
    view = step("accounts", **session, account_ids=[account["id"] for account in accounts])
    return str(view["public_token"])


def step(name: str, **body: Any) -> dict[str, Any]:
    """Send one step of the dialog, and return the next view. Raises ``SandboxAway``."""
    request = Request(  # noqa: S310  (the address is the operator's own setting, on this machine)
        f"{settings.PLAID_URL}/link/session/{name}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310  (as above)
            view: dict[str, Any] = json.load(response)
    except OSError as error:
        raise SandboxAway(f"The sandbox at {settings.PLAID_URL} does not answer: {error}") from None
    if "error" in view:
        raise SandboxAway(f"The sandbox's dialog ended at {name}: {view['error'].get('error_code')}")
    return view
