"""The way out: pages that list and show the mails, and a JSON door for tests.

The browser reaches these pages through the site, at a path the sandbox does not know: every address is relative.
An HTML part is shown as source and never rendered; the text's links are made clickable after escaping.
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
    """The list, newest first, fifty at a time; ``?to=`` keeps one person's mails, ``?before=`` turns the page."""
    to = request.args.get("to", "").strip()
    before = request.args.get("before", type=int)
    newest_mails = mails.newest(context, to=to, before=before, count=PAGE + 1)
    shown, is_more = newest_mails[:PAGE], len(newest_mails) > PAGE
    return _page("inbox.html", mails=shown, older=is_more, to=to, before=before, kept=mails.KEPT)


def mail(context: AppContext, request: Request, mail_id: int) -> Response:
    """One mail: its text, its headers, and the source of its HTML part if it has one."""
    mail_row = mails.find(context, mail_id)
    if mail_row is None:
        return _page("missing.html", status=404, kept=mails.KEPT)
    return _page("mail.html", mail=mail_row)


def messages(context: AppContext, request: Request) -> Response:
    """``{"messages": [...]}``, newest first, every kept mail or those to ``?to=``. For tests and scripts."""
    newest_mails = mails.newest(context, to=request.args.get("to", "").strip())
    answer = json_response({"messages": [mail.as_json() for mail in newest_mails]})
    answer.headers["Cache-Control"] = "no-store"
    return answer


def style(context: AppContext, request: Request) -> Response:
    """The pages' style sheet."""
    return send_file(HERE / "assets" / "mailbox.css", request.environ, mimetype="text/css")


def _page(template: str, *, status: int = 200, **facts: object) -> Response:
    return Response(
        pages.get_template(template).render(**facts), status, HEADERS, content_type="text/html; charset=utf-8"
    )


def entrance(context: AppContext, request: Request) -> Response:
    """Whoever left the last slash out is sent on, relative to the address the browser shows."""
    return Response(status=308, headers={"Location": "mailbox/"})


ROUTES = [
    Rule("/mailbox", endpoint=entrance, methods=["GET"]),
    Rule("/mailbox/", endpoint=inbox, methods=["GET"]),
    Rule("/mailbox/messages/<int:mail_id>/", endpoint=mail, methods=["GET"]),
    Rule("/mailbox/api/messages", endpoint=messages, methods=["GET"]),
    Rule("/mailbox/mailbox.css", endpoint=style, methods=["GET"]),
]
