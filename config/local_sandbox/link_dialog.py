"""Walk through the local sandbox's linking dialog, as its pages do for a browser."""

import json
from typing import Any
from urllib.request import Request, urlopen

from django.conf import settings

TIMEOUT = 10


class SandboxAway(Exception):
    """The sandbox program does not answer, or does not let its own person through."""


def public_token(*, link_token: str, institution_id: str, persona: str) -> str:
    """Choose a bank, sign in as one of the sandbox's people, share every account. Raises ``SandboxAway``."""
    session = {"link_token": link_token, "link_session_id": step("open", link_token=link_token)["link_session_id"]}
    sign_in = {"institution_id": institution_id, "username": persona, "password": "pass_good"}
    offered = step("credentials", **session, **sign_in)["accounts"]
    done = step("accounts", **session, account_ids=[account["id"] for account in offered])
    return str(done["public_token"])


def step(name: str, **body: Any) -> dict[str, Any]:
    """Take one step of the dialog and return the view that follows. Raises ``SandboxAway``."""
    request = Request(  # noqa: S310  (the address is the operator's own setting, on this machine)
        f"{settings.PLAID_URL}/link/session/{name}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  (as above)
            view: dict[str, Any] = json.load(answer)
    except OSError as error:
        raise SandboxAway(f"The sandbox at {settings.PLAID_URL} does not answer: {error}") from None
    if "error" in view:
        raise SandboxAway(f"The sandbox's dialog ended at {name}: {view['error'].get('error_code')}")
    return view
