"""The console: pages with one button for each scenario, which work without JavaScript.

The sandbox listens on this machine only. Another website in the same browser could still send a form to it, so a page
is served only under a name of this machine, and every form contains a token that only its pages know.
"""

import hashlib
import hmac
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader
from werkzeug.exceptions import Forbidden
from werkzeug.routing import Rule
from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from sandbox.admin import scenarios
from sandbox.api import rate_limits
from sandbox.bank import accounts, items, scheduler
from sandbox.bank.items import Item
from sandbox.context import AppContext
from sandbox.errors import CATALOGUE, PlaidError
from sandbox.mailbox.routes import HEADERS

HERE = Path(__file__).parent
THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")
NEWEST = 100
STEPS = {
    "1 hour": timedelta(hours=1),
    "1 day": timedelta(days=1),
    "7 days": timedelta(days=7),
    "31 days": timedelta(31),
}

pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def list_items(context: AppContext, request: Request) -> Response:
    """Show the newest Items, the clock and the rate limits."""
    newest = items.list_active(context)[: -NEWEST - 1 : -1]
    return _render(
        context, request, "items.html", items=newest, now=context.clock.now(), steps=STEPS, tables=rate_limits.TABLES
    )


def show_item(context: AppContext, request: Request, item_id: str) -> Response:
    """Show an Item with a button for each scenario."""
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for name, scenario in scenarios.SCENARIOS.items():
        groups[scenario.group][name] = scenario.title
    opened = accounts.of_item(context, item_id)
    item = items.get(context, item_id)
    return _render(context, request, "item.html", item=item, accounts=opened, groups=groups, codes=sorted(CATALOGUE))


def run_scenario(context: AppContext, request: Request, item_id: str) -> Response:
    """Let a scenario happen, and show the Item again with what was done or why it was refused."""
    _check(context, request)
    item: Item = items.get(context, item_id)
    try:
        title = scenarios.run_scenario(context, item, request.form.get("scenario", ""), request.form.get("code", ""))
    except PlaidError as error:
        return _redirect(f"./?failed={quote(f'{error.code}: {error.message}')}")
    return _redirect(f"./?done={quote(title)}")


def advance_clock(context: AppContext, request: Request) -> Response:
    """Advance time by one of the steps, and run what is due then."""
    _check(context, request)
    step = STEPS.get(request.form.get("step", ""))
    if step is None:
        return _redirect("./?failed=unknown+step")
    context.clock.advance(step)
    scheduler.run_due(context)
    return _redirect("./?done=time+was+advanced")


def choose_limits(context: AppContext, request: Request) -> Response:
    """Set one of the tables of rate limits."""
    _check(context, request)
    table = request.form.get("table", "")
    if table not in rate_limits.TABLES:
        return _redirect("./?failed=unknown+table")
    rate_limits.choose(context, table, {})
    return _redirect(f"./?done={quote('rate limits: ' + table)}")


def style(context: AppContext, request: Request) -> Response:
    return send_file(HERE / "assets" / "console.css", request.environ, mimetype="text/css")


def redirect_to_list(context: AppContext, request: Request) -> Response:
    """Redirect to the address with a trailing slash."""
    return Response(status=308, headers={"Location": "console/"})


def _render(context: AppContext, request: Request, template: str, **values: object) -> Response:
    _check_host(request)
    shown = {"done": request.args.get("done", ""), "failed": request.args.get("failed", "")}
    html = pages.get_template(template).render(form_token=_form_token(context), **shown, **values)
    return Response(html, headers=HEADERS, content_type="text/html; charset=utf-8")


def _check(context: AppContext, request: Request) -> None:
    _check_host(request)
    if not hmac.compare_digest(request.form.get("form_token", "").encode(), _form_token(context).encode()):
        raise Forbidden("this form is not of the console's own pages")


def _check_host(request: Request) -> None:
    """Refuse other names of this machine, with which another website could read these pages."""
    if request.host.rpartition(":")[0] not in THIS_MACHINE and request.host not in THIS_MACHINE:
        raise Forbidden("the console is open on this machine only")


def _form_token(context: AppContext) -> str:
    return hmac.new(context.admin_token.encode(), b"console", hashlib.sha256).hexdigest()


def _redirect(target: str) -> Response:
    return Response(status=303, headers={"Location": target})


ROUTES = [
    Rule("/console", endpoint=redirect_to_list, methods=["GET"]),
    Rule("/console/", endpoint=list_items, methods=["GET"]),
    Rule("/console/clock", endpoint=advance_clock, methods=["POST"]),
    Rule("/console/limits", endpoint=choose_limits, methods=["POST"]),
    Rule("/console/items/<item_id>/", endpoint=show_item, methods=["GET"]),
    Rule("/console/items/<item_id>/", endpoint=run_scenario, methods=["POST"]),
    Rule("/console/console.css", endpoint=style, methods=["GET"]),
]
