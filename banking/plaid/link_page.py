"""The script of Plaid Link, and the content security policy of the page that opens it.

Source: https://plaid.com/docs/link/web/ (content security policy). The script has to come from Plaid's own host and
cannot be pinned by a hash, so the policy names its exact URL.
"""

from typing import Any

from csp.constants import NONCE, SELF
from django.conf import settings
from django.urls import reverse

LINK_SCRIPT = "https://cdn.plaid.com/link/v2/stable/link-initialize.js"


def link_script() -> str:
    """The URL from which the browser loads Link: at Plaid, or at the site's own origin in embedded mode."""
    if settings.PLAID_ENV == "embedded":
        return reverse("sandbox", args=["link/v2/stable/link-initialize.js"])
    return LINK_SCRIPT


def link_policy() -> dict[str, list[Any] | None]:
    """The directives that the page of Link replaces; none in embedded mode."""
    if settings.PLAID_ENV == "embedded":
        return {}
    policy: dict[str, list[Any] | None] = {
        "script-src": [NONCE, LINK_SCRIPT],
        "style-src": [SELF, NONCE],
        "frame-src": ["https://cdn.plaid.com/"],
        "connect-src": [SELF, f"https://{settings.PLAID_ENV}.plaid.com/"],
        # Plaid's script assigns HTML without a Trusted Types policy.
        "require-trusted-types-for": None,
        "trusted-types": None,
    }
    if settings.PLAID_LINK_STYLE_ATTR:
        policy["style-src-attr"] = ["'unsafe-inline'"]
    return policy
