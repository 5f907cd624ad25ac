"""The script of Plaid Link and Plaid's own pages of it, and the content security policy of the page that opens them.

Source: https://plaid.com/docs/link/web/ (content security policy). The script has to come from Plaid's own host and
cannot be pinned by a hash, so the policy names its exact URL.
"""

import re
from typing import Any

from csp.constants import NONCE, SELF
from django.conf import settings
from django.urls import reverse

from banking.plaid.fields import FieldError

LINK_SCRIPT = "https://cdn.plaid.com/link/v2/stable/link-initialize.js"
# Plaid's pages of Hosted Link. The site leads to no other host.
_HOSTED_PAGE = re.compile(r"https://secure\.plaid\.com/[A-Za-z0-9._~/?=&%-]{1,1000}")
_SANDBOX_PAGE = re.compile(r"/(link/hosted/[A-Za-z0-9-]{1,100}/)")


def link_script() -> str:
    """The URL from which the browser loads Link: at Plaid, or at the site's own origin in embedded mode."""
    if settings.PLAID_ENV == "embedded":
        return reverse("sandbox", args=["link/v2/stable/link-initialize.js"])
    return LINK_SCRIPT


def hosted_page(sent: str) -> str:
    """Where the browser finds a page of Hosted Link: at Plaid, or at the site's own origin in embedded mode.

    Raises ``FieldError`` for the address of any other host, and for one that is not https.
    """
    if settings.PLAID_ENV == "embedded":
        page = _SANDBOX_PAGE.fullmatch(sent.removeprefix(settings.PLAID_URL.rstrip("/")))
        if page is not None:
            return reverse("sandbox", args=[page[1]])
    elif _HOSTED_PAGE.fullmatch(sent):
        return sent
    raise FieldError("hosted_link_url")


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
