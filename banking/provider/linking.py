"""The dialog in which a user links a bank, and what comes of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class LinkToken:
    """A token that opens the provider's linking dialog in one user's browser.

    ``hosted_url`` is where the browser goes if the provider's own pages take the place of the dialog, else empty. It is
    an address of the provider, or a path of this site, and contains the token or a secret like it.
    """

    value: str = field(repr=False)
    expires_at: datetime
    request_id: str
    hosted_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LinkResult:
    """What the user linked in one run of the dialog, as the provider reports it. Its public token may be used up."""

    public_token: str = field(repr=False)
    institution_id: str
    institution_name: str
    accounts: frozenset[tuple[str, str]]
    link_session_id: str = ""

    @property
    def digest(self) -> str:
        """The public token's fingerprint."""
        return hashlib.sha256(self.public_token.encode()).hexdigest()


class LinkExit(NamedTuple):
    """How the user left the dialog without a connection, as the provider's codes. Each may be empty."""

    error_code: str = ""
    exit_status: str = ""
    request_id: str = ""
    link_session_id: str = ""


@dataclass(frozen=True, slots=True)
class LinkResults:
    """How the dialogs of one link token have ended so far: what was linked, and how the user left the others."""

    linked: Sequence[LinkResult] = ()
    exits: Sequence[LinkExit] = ()


@dataclass(frozen=True, slots=True)
class Credential:
    """A new access token and its Item. The token is never shown."""

    access_token: str = field(repr=False)
    provider_item_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How this site opens the provider's linking dialog.

    ``webhook_url`` and ``redirect_uri`` are empty where there are none; a redirect URI lets a bank's own sign-in page
    interrupt the dialog. ``content_security_policy`` holds the directives that the page of the dialog replaces.
    ``has_hosted_pages`` says whether pages of the provider can take the place of the dialog, which need no script.
    """

    script_url: str
    webhook_url: str
    redirect_uri: str
    days_requested: int
    content_security_policy: Mapping[str, Any]
    has_hosted_pages: bool = False
