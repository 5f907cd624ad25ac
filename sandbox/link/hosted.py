"""Hosted Link: the steps of Link as ordinary pages with forms, which work without JavaScript.

The address contains the link token, which is all that a browser needs, and then the session. All links are relative,
because the site may serve these pages under its own address. Source: https://plaid.com/docs/link/hosted-link/
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader
from werkzeug.routing import Rule
from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from sandbox.bank import links
from sandbox.bank.links import LinkError, LinkToken, Session
from sandbox.context import AppContext
from sandbox.link import credentials
from sandbox.link.messages import error_pane
from sandbox.mailbox.routes import HEADERS

HERE = Path(__file__).parent
REDIRECT = "completion_redirect_uri"

pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def consent(context: AppContext, request: Request, token: str) -> Response:
    """Show who asks for the user's data; the token must be one of Hosted Link."""
    link_token = _find_token(context, token)
    if link_token is None:
        return _render("invalid.html", None, status=404, root="../")
    return _render("consent.html", link_token)


def start(context: AppContext, request: Request, token: str) -> Response:
    """Start a session, and go to its first page."""
    link_token = _find_token(context, token)
    try:
        if link_token is None:
            raise LinkError("INVALID_LINK_TOKEN")
        session = links.open_session(context, link_token=link_token.token)
    except LinkError:
        return _render("invalid.html", None, status=404, root="../")
    return _go(f"{session.id}/")


def show(context: AppContext, request: Request, token: str, session_id: str) -> Response:
    """Show the page of the session's step."""
    try:
        session = links.get_session(context, link_token=token, session_id=session_id)
    except LinkError:
        return _render("invalid.html", None, status=404)
    return _show_step(context, request, session)


def submit(context: AppContext, request: Request, token: str, session_id: str) -> Response:
    """Execute one step, and show the page again or, at the end, return to the site."""
    try:
        session = links.get_session(context, link_token=token, session_id=session_id)
    except LinkError:
        return _render("invalid.html", None, status=404)
    name = request.form.get("step", "")
    try:
        if name not in STEPS:
            raise LinkError("INVALID_FIELD", "there is no such step")
        session = STEPS[name](context, request, session)
    except LinkError as error:
        return _show_step(context, request, session, error)
    target = _completion_uri(session.link_token)
    return _go(target if target and session.step in ("finished", "exited") else "./")


def style(context: AppContext, request: Request) -> Response:
    return send_file(HERE / "assets" / "hosted.css", request.environ, mimetype="text/css")


def _institution(context: AppContext, request: Request, session: Session) -> Session:
    return links.choose_institution(context, session=session, institution_id=request.form.get("institution_id", ""))


def _credentials(context: AppContext, request: Request, session: Session) -> Session:
    username, password = request.form.get("username", ""), request.form.get("password", "")
    return _to_end(context, links.submit_credentials(context, session=session, username=username, password=password))


def _mfa(context: AppContext, request: Request, session: Session) -> Session:
    count = len(session.challenge.prompts) if session.challenge else 0
    answers = [request.form.get(f"answer_{place}", "") for place in range(count)]
    return _to_end(context, links.answer_challenge(context, session=session, answers=answers))


def _accounts(context: AppContext, request: Request, session: Session) -> Session:
    links.finish(context, session=session, account_ids=request.form.getlist("account_id"))
    return links.get_session(context, link_token=session.link_token.token, session_id=session.id)


def _exit(context: AppContext, request: Request, session: Session) -> Session:
    if session.step == "finished":
        return session
    return links.leave(context, session=session, status=EXIT_STATUSES.get(session.step, ""))


STEPS: dict[str, Callable[[AppContext, Request, Session], Session]] = {
    "institution": _institution,
    "credentials": _credentials,
    "mfa": _mfa,
    "accounts": _accounts,
    "exit": _exit,
}
EXIT_STATUSES = {
    "institution": "institution_not_found",
    "credentials": "requires_credentials",
    "mfa": "requires_questions",
    "accounts": "requires_account_selection",
}


def _to_end(context: AppContext, session: Session) -> Session:
    """Finish an update without account selection, which has no page for accounts."""
    if session.step != "accounts" or session.link_token.selects_accounts:
        return session
    links.finish(context, session=session, account_ids=[])
    return links.get_session(context, link_token=session.link_token.token, session_id=session.id)


def _show_step(context: AppContext, request: Request, session: Session, error: LinkError | None = None) -> Response:
    step, query = session.step, request.args.get("q", "")
    chooses_again = "choose" in request.args and step == "credentials" and not session.is_update
    if step == "institution" or chooses_again:
        banks = links.search_institutions(context, session=session, query=query)
        return _render("institutions.html", session.link_token, session=session, banks=banks, query=query, error=error)
    return _render(f"{step}.html", session.link_token, session=session, logins=credentials.LOGINS, error=error)


def _render(
    template: str, link_token: LinkToken | None, *, status: int = 200, error: LinkError | None = None, **values: object
) -> Response:
    shown = {
        "client_name": link_token.request["client_name"] if link_token else "",
        "completion_uri": _completion_uri(link_token) if link_token else "",
        "error": error,
        "error_title": error_pane(error.code).title if error else "",
    }
    html = pages.get_template(f"hosted/{template}").render(**shown, **values)
    return Response(html, status, _headers(link_token), content_type="text/html; charset=utf-8")


def _headers(link_token: LinkToken | None) -> dict[str, str]:
    """Return the headers of a page; its form may also lead back to the site."""
    site = urlsplit(_completion_uri(link_token)) if link_token else None
    origin = f" {site.scheme}://{site.netloc}" if site and site.netloc else ""
    policy = HEADERS["Content-Security-Policy"].replace("form-action 'self'", f"form-action 'self'{origin}")
    return {**HEADERS, "Content-Security-Policy": policy}


def _completion_uri(link_token: LinkToken) -> str:
    return str((link_token.request.get("hosted_link") or {}).get(REDIRECT) or "")


def _find_token(context: AppContext, token: str) -> LinkToken | None:
    """Return a valid link token of Hosted Link."""
    try:
        link_token = links.get_valid_token(context, token)
    except LinkError:
        return None
    return link_token if link_token.is_hosted else None


def _go(target: str) -> Response:
    return Response(status=303, headers={"Location": target})


ROUTES = [
    Rule("/link/hosted/hosted.css", endpoint=style, methods=["GET"]),
    Rule("/link/hosted/<token>/", endpoint=consent, methods=["GET"]),
    Rule("/link/hosted/<token>/", endpoint=start, methods=["POST"]),
    Rule("/link/hosted/<token>/<session_id>/", endpoint=show, methods=["GET"]),
    Rule("/link/hosted/<token>/<session_id>/", endpoint=submit, methods=["POST"]),
]
