"""Pages that list and show the mails, and a JSON endpoint for tests.

The browser reaches these pages through the site, at a path that the sandbox does not know, so all links are relative.
An HTML part is shown as source and never rendered; links in the text are made clickable after escaping.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from werkzeug.routing import Rule
from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from sandbox.context import AppContext
from sandbox.json_codec import json_response
from sandbox.mailbox import mails

HERE = Path(__file__).parent
PAGE = 50
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def inbox(context: AppContext, request: Request) -> Response:
    """List the mails, newest first, fifty a page; ``?to=`` filters by recipient, ``?before=`` is the next page."""
    to = request.args.get("to", "").strip()
    before = request.args.get("before", type=int)
    newest_mails = mails.newest(context, to=to, before=before, count=PAGE + 1)
    shown, is_more = newest_mails[:PAGE], len(newest_mails) > PAGE
    return _page("inbox.html", mails=shown, older=is_more, to=to, before=before, kept=mails.MAX_MAILS)


def mail(context: AppContext, request: Request, mail_id: int) -> Response:
    """Show one mail: its text, its headers, and the source of its HTML part if it has one."""
    mail_row = mails.find(context, mail_id)
    if mail_row is None:
        return _page("missing.html", status=404, kept=mails.MAX_MAILS)
    return _page("mail.html", mail=mail_row)


def messages(context: AppContext, request: Request) -> Response:
    """Return ``{"messages": [...]}``, newest first, all or those to ``?to=``. For tests and scripts."""
    newest_mails = mails.newest(context, to=request.args.get("to", "").strip())
    response = json_response({"messages": [mail.as_json() for mail in newest_mails]})
    response.headers["Cache-Control"] = "no-store"
    return response


def style(context: AppContext, request: Request) -> Response:
    return send_file(HERE / "assets" / "mailbox.css", request.environ, mimetype="text/css")


def _page(template: str, *, status: int = 200, **values: object) -> Response:
    return Response(
        pages.get_template(template).render(**values), status, HEADERS, content_type="text/html; charset=utf-8"
    )


def redirect_to_inbox(context: AppContext, request: Request) -> Response:
    """Redirect to the address with a trailing slash, relative to the one in the browser."""
    return Response(status=308, headers={"Location": "mailbox/"})


ROUTES = [
    Rule("/mailbox", endpoint=redirect_to_inbox, methods=["GET"]),
    Rule("/mailbox/", endpoint=inbox, methods=["GET"]),
    Rule("/mailbox/messages/<int:mail_id>/", endpoint=mail, methods=["GET"]),
    Rule("/mailbox/api/messages", endpoint=messages, methods=["GET"]),
    Rule("/mailbox/mailbox.css", endpoint=style, methods=["GET"]),
]
