"""Link: link tokens, the sessions in which a user signs in, and the public tokens that they end with.

``sandbox.link`` serves the dialog and calls these functions. The browser identifies a session by its ``link_token`` and
``session_id`` together; the client secret never reaches a browser.

The steps of a session are ``institution -> credentials -> [mfa ...] -> accounts -> finished``, or ``exited``.
Source: https://plaid.com/docs/link/web/
"""

from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

from sandbox import personas
from sandbox.bank import items, outages, public_tokens
from sandbox.bank.institutions import Institution, find, search
from sandbox.clock import parse_stamp, stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.identifiers import derived_id, new_id, token
from sandbox.json_codec import dumps, loads
from sandbox.personas.drafts import AccountDraft
from sandbox.webhooks import notifications

SCHEMA = """
CREATE TABLE IF NOT EXISTS link_tokens (
    token TEXT PRIMARY KEY, item_id TEXT, request TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS link_sessions (
    id TEXT PRIMARY KEY, token TEXT NOT NULL REFERENCES link_tokens (token) ON DELETE CASCADE,
    state TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT, outcome TEXT NOT NULL DEFAULT '{}'
);
"""
IF_SUPPORTED = ("required_if_supported_products", "optional_products")
NEW_LIFE, UPDATE_LIFE = timedelta(hours=4), timedelta(minutes=30)


class LinkError(PlaidError):
    """An error that Link shows to the user: ``code``, ``type`` and a ``display`` sentence."""


@dataclass(frozen=True)
class LinkToken:
    """A link token with the site's request. ``item_id`` is set in update mode only."""

    token: str
    item_id: str | None
    request: dict[str, Any]
    created_at: str
    expires_at: str

    @property
    def is_hosted(self) -> bool:
        """Whether Hosted Link may use the token, so that its sessions are announced by webhook."""
        return self.request.get("hosted_link") is not None

    @property
    def selects_accounts(self) -> bool:
        """Whether the user selects accounts: always for a new Item, on request in update mode."""
        return not self.item_id or bool((self.request.get("update") or {}).get("account_selection_enabled"))


@dataclass(frozen=True)
class AccountChoice:
    """One account to select. ``ticked`` accounts are already shared with the site (update mode)."""

    id: str
    name: str
    official_name: str | None
    mask: str | None
    type: str
    subtype: str | None
    ticked: bool = False


@dataclass(frozen=True)
class Session:
    """One session of Link. It is stored after every step."""

    id: str
    link_token: LinkToken
    step: str = "institution"
    institution_id: str = ""
    item_id: str = ""
    persona: str = ""
    config: str = ""
    mfa: str = ""
    round: int = 0
    choices: list[AccountChoice] = field(default_factory=list)

    @property
    def institution(self) -> Institution | None:
        """The chosen bank, once there is one."""
        return find(self.institution_id) if self.institution_id else None

    @property
    def challenge(self) -> personas.Challenge | None:
        """The questions of the step ``mfa``; None in every other step."""
        return personas.challenge(self.mfa, self.round) if self.step == "mfa" else None

    @property
    def is_update(self) -> bool:
        """Whether the session is in update mode."""
        return self.link_token.item_id is not None


@dataclass(frozen=True)
class Success:
    """The result of a successful session: what ``onSuccess`` receives."""

    public_token: str
    metadata: dict[str, Any]


def create_token(context: AppContext, *, request: dict[str, Any], item_id: str | None) -> LinkToken:
    """Create a link token for the site's request.

    It is valid for 4 hours, in update mode for 30 minutes, for Hosted Link as long as the site says.
    """
    now = context.clock.now()
    lifetime = (request.get("hosted_link") or {}).get("url_lifetime_seconds")
    expires = now + (timedelta(seconds=lifetime) if lifetime else UPDATE_LIFE if item_id else NEW_LIFE)
    made = LinkToken(token("link"), item_id, request, stamp(now), stamp(expires))
    context.store.execute(
        "INSERT INTO link_tokens VALUES (?, ?, ?, ?, ?)",
        *(made.token, made.item_id, dumps(request), made.created_at, made.expires_at),
    )
    return made


def find_token(context: AppContext, link_token: str) -> LinkToken | None:
    """Return the link token, expired or not, or None."""
    row = context.store.one("SELECT * FROM link_tokens WHERE token = ?", link_token)
    if row is None:
        return None
    return LinkToken(row["token"], row["item_id"], loads(row["request"]), row["created_at"], row["expires_at"])


def open_session(context: AppContext, *, link_token: str) -> Session:
    """Start a session. It starts at ``credentials`` in update mode, and for a token with an ``institution_id``.

    Raises LinkError INVALID_LINK_TOKEN for an unknown or expired token.
    """
    known = get_valid_token(context, link_token)
    session = Session(new_id(), known, item_id=known.item_id or new_id())
    preset = items.get(context, known.item_id).institution_id if known.item_id else known.request.get("institution_id")
    if preset:
        session = replace(session, institution_id=preset, step="credentials")
    context.store.execute(
        "INSERT INTO link_sessions (id, token, state, started_at) VALUES (?, ?, ?, ?)",
        *(session.id, known.token, _state(session), stamp(context.clock.now())),
    )
    return session


def get_session(context: AppContext, *, link_token: str, session_id: str) -> Session:
    """Return the session with this id and token. Raises LinkError INVALID_LINK_TOKEN without one or after expiry."""
    known = get_valid_token(context, link_token)
    row = context.store.one("SELECT * FROM link_sessions WHERE id = ? AND token = ?", session_id, link_token)
    if row is None:
        raise LinkError("INVALID_LINK_TOKEN")
    state = loads(row["state"])
    choices = [AccountChoice(**choice) for choice in state.pop("choices")]
    return Session(session_id, known, choices=choices, **state)


def search_institutions(context: AppContext, *, session: Session, query: str = "") -> list[Institution]:
    """Find the banks to offer: in the requested countries, with all requested products, with a name like ``query``."""
    request = session.link_token.request
    return search(query=query, country_codes=request["country_codes"], products=request.get("products") or [])


def choose_institution(context: AppContext, *, session: Session, institution_id: str) -> Session:
    """Continue with ``credentials`` at this bank. Raises LinkError INVALID_INSTITUTION for an unknown id."""
    if find(institution_id) is None:
        raise LinkError("INVALID_INSTITUTION")
    _expect(session, "institution", "credentials")
    return _save(context, replace(session, step="credentials", institution_id=institution_id))


def submit_credentials(context: AppContext, *, session: Session, username: str, password: str) -> Session:
    """Sign in at the bank and continue with ``mfa`` or ``accounts``.

    Raises LinkError, for example INVALID_CREDENTIALS, INSTITUTION_DOWN, or the code of an ``error_<CODE>`` password.
    The session then stays at ``credentials``.
    """
    _expect(session, "credentials")
    bank = session.institution
    if bank is None:
        raise LinkError("INVALID_INSTITUTION")
    _check_bank(context, bank)
    signed_in = _sign_in(username, password)
    session = replace(session, persona=signed_in.persona, config=signed_in.config, mfa=signed_in.mfa, round=0)
    if signed_in.mfa:
        return _save(context, replace(session, step="mfa"))
    return _to_accounts(context, session)


def answer_challenge(context: AppContext, *, session: Session, answers: list[str]) -> Session:
    """Answer the questions in ``session.challenge``; continue with the next round or ``accounts``.

    Raises LinkError INVALID_MFA for a wrong answer; the session then stays at its step.
    """
    _expect(session, "mfa")
    challenge = session.challenge
    if challenge is None or not challenge.accepts(answers):
        raise LinkError("INVALID_MFA")
    if personas.challenge(session.mfa, session.round + 1):
        return _save(context, replace(session, round=session.round + 1))
    return _to_accounts(context, session)


def finish(context: AppContext, *, session: Session, account_ids: list[str]) -> Success:
    """Share these accounts with the site and end the session with a public token (30 minutes, one exchange).

    Raises LinkError NO_ACCOUNTS without accounts, INVALID_ACCOUNT_ID for one that was not offered.
    A session in update mode without account selection ignores ``account_ids``.
    """
    _expect(session, "accounts")
    chosen = _select_accounts(session, account_ids)
    with context.store.transaction():
        if session.is_update:
            items.repair(
                context,
                item_id=session.item_id,
                account_ids=_accounts_to_share(session, chosen),
                consented=session.link_token.request.get("additional_consented_products") or [],
            )
        else:
            _make_item(context, session, chosen)
        session = _save(context, replace(session, step="finished"))
        success = Success(public_tokens.issue_public_token(context, session.item_id), _metadata(session, chosen))
        _end(context, session, {"public_token": success.public_token, "metadata": success.metadata})
    return success


def leave(context: AppContext, *, session: Session, status: str, error: dict[str, Any] | None = None) -> Session:
    """Record that the user closed Link at ``status`` (``requires_credentials`` ...), after ``error`` if not None."""
    with context.store.transaction():
        session = _save(context, replace(session, step="exited"))
        _end(context, session, {"exit": {"error": error, "metadata": {"status": status}}})
    return session


def list_sessions(context: AppContext, link_token: str) -> list[dict[str, Any]]:
    """List the sessions of this token, oldest first: ``{id, started_at, finished_at, outcome}``."""
    rows = context.store.all("SELECT * FROM link_sessions WHERE token = ? ORDER BY started_at", link_token)
    return [{**dict(row), "outcome": loads(row["outcome"])} for row in rows]


def get_valid_token(context: AppContext, link_token: str) -> LinkToken:
    """Return the link token. Raises LinkError INVALID_LINK_TOKEN for an unknown or expired one."""
    known = find_token(context, link_token)
    if known is None or parse_stamp(known.expires_at) <= context.clock.now():
        raise LinkError("INVALID_LINK_TOKEN")
    if known.item_id and not items.exists(context, known.item_id):
        raise LinkError("INVALID_LINK_TOKEN")
    return known


def _expect(session: Session, *steps: str) -> None:
    if session.step not in steps:
        raise LinkError("INVALID_FIELD", f"the session is at step {session.step}")


def _check_bank(context: AppContext, bank: Institution) -> None:
    if bank.trouble:
        raise LinkError(bank.trouble)
    try:
        outages.check(context, bank.id)
    except PlaidError as error:
        raise LinkError(error.code) from error


def _sign_in(username: str, password: str) -> personas.SignIn:
    try:
        return personas.sign_in(username, password)
    except PlaidError as error:
        raise LinkError(error.code, error.message) from error


def _to_accounts(context: AppContext, session: Session) -> Session:
    return _save(context, replace(session, step="accounts", choices=_choices(context, session)))


def _choices(context: AppContext, session: Session) -> list[AccountChoice]:
    """List the bank's accounts. In update mode the shared ones keep their ids and are ticked."""
    if session.is_update:
        return [_choice(id, draft, ticked) for id, draft, ticked in items.list_bank_accounts(context, session.item_id)]
    book = personas.draw(session.persona, session.config, session.institution_id, context.clock.today())
    offered = [
        draft for draft in book.accounts if _matches_filters(session.link_token.request.get("account_filters"), draft)
    ]
    return [_choice(derived_id(session.item_id, draft.key, 0), draft, False) for draft in offered]


def _matches_filters(filters: dict[str, Any] | None, draft: AccountDraft) -> bool:
    """Whether an account matches ``account_filters``: they name its type, and its subtype or "all"."""
    if not filters:
        return True
    subtypes = (filters.get(draft.type) or {}).get("account_subtypes") or []
    return bool({"all", draft.subtype} & set(subtypes))


def _choice(account_id: str, draft: AccountDraft, ticked: bool) -> AccountChoice:
    return AccountChoice(account_id, draft.name, draft.official_name, draft.mask, draft.type, draft.subtype, ticked)


def _select_accounts(session: Session, account_ids: list[str]) -> list[AccountChoice]:
    if not session.link_token.selects_accounts:
        return [choice for choice in session.choices if choice.ticked]
    if set(account_ids) - {choice.id for choice in session.choices}:
        raise LinkError("INVALID_ACCOUNT_ID")
    chosen = [choice for choice in session.choices if choice.id in set(account_ids)]
    if not chosen:
        raise LinkError("NO_ACCOUNTS")
    return chosen


def _accounts_to_share(session: Session, chosen: list[AccountChoice]) -> list[str] | None:
    """Return the ids of the accounts to share after an update; None leaves the shared accounts as they are."""
    return [choice.id for choice in chosen] if session.link_token.selects_accounts else None


def _make_item(context: AppContext, session: Session, chosen: list[AccountChoice]) -> None:
    request = session.link_token.request
    items.create(
        context,
        item_id=session.item_id,
        institution_id=session.institution_id,
        persona=session.persona,
        config=session.config,
        products=_list_billed_products(session),
        consented=request.get("additional_consented_products") or [],
        webhook=request.get("webhook") or "",
        days_requested=(request.get("transactions") or {}).get("days_requested") or items.DEFAULT_DAYS,
        account_ids=[choice.id for choice in chosen],
    )


def _list_billed_products(session: Session) -> list[str]:
    """List the initial products of the Item: the requested ones, and the optional ones that the bank supports."""
    request, bank = session.link_token.request, session.institution
    optional = [product for name in IF_SUPPORTED for product in request.get(name) or []]
    supported = bank.products if bank else ()
    return [*(request.get("products") or []), *(product for product in optional if product in supported)]


def _metadata(session: Session, chosen: list[AccountChoice]) -> dict[str, Any]:
    """Build the metadata of ``onSuccess``. Sites must not trust it."""
    bank = session.institution
    accounts = [
        {
            "id": c.id,
            "name": c.name,
            "mask": c.mask,
            "type": c.type,
            "subtype": c.subtype,
            "verification_status": None,
            "class_type": None,
        }
        for c in chosen
    ]
    return {
        "institution": {"name": bank.name, "institution_id": bank.id} if bank else None,
        "accounts": accounts,
        "account": accounts[0] if accounts else None,
        "account_id": accounts[0]["id"] if accounts else None,
        "link_session_id": session.id,
        "transfer_status": None,
    }


def _save(context: AppContext, session: Session) -> Session:
    context.store.execute("UPDATE link_sessions SET state = ? WHERE id = ?", _state(session), session.id)
    return session


def _state(session: Session) -> str:
    state = asdict(session)
    return dumps({name: value for name, value in state.items() if name not in ("id", "link_token")})


def _end(context: AppContext, session: Session, outcome: dict[str, Any]) -> None:
    context.store.execute(
        "UPDATE link_sessions SET finished_at = ?, outcome = ? WHERE id = ?",
        *(stamp(context.clock.now()), dumps(outcome), session.id),
    )
    link_token = session.link_token
    url = items.get(context, link_token.item_id).webhook if link_token.item_id else link_token.request.get("webhook")
    if link_token.is_hosted and url:
        item_id = session.item_id if "public_token" in outcome else ""
        contents = {"link_token": link_token.token, "link_session_id": session.id}
        notifications.session_finished(context, item_id, url, contents, outcome.get("public_token"))
