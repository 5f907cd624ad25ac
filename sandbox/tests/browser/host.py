"""A minimal site that opens Link: one page with a strict policy at ``/``, and the sandbox at ``/_sandbox/``."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox.app import Application
from sandbox.bank import links
from sandbox.context import AppContext

PREFIX = "/_sandbox"
NONCE = "c2FuZGJveA"
POLICY = (
    f"default-src 'none'; script-src 'nonce-{NONCE}'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Host</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/icon"></head>
<body data-token="{{token}}" data-open="{{open}}"><main><h1>Connect a bank</h1>
<button id="open">Continue</button></main>
<script nonce="{NONCE}" src="{PREFIX}/link/v2/stable/link-initialize.js"></script>
<script nonce="{NONCE}" src="{PREFIX}/link/v2/stable/link-initialize.js"></script>
<script nonce="{NONCE}" src="/host.js"></script></body></html>"""
SCRIPT = """
window.calls = [];
const note = (name) => (...facts) => window.calls.push([name, ...facts]);
window.handler = Plaid.create({
  token: document.body.dataset.token,
  onLoad: note("onLoad"), onSuccess: note("onSuccess"), onExit: note("onExit"), onEvent: note("onEvent"),
});
if (document.body.dataset.open) window.handler.open();
document.getElementById("open").addEventListener("click", () => window.handler.open());
"""


class Host:
    """The site as a WSGI application."""

    def __init__(self, context: AppContext) -> None:
        self.context = context
        self.url = ""
        self._sandbox = Application(context)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if path.startswith(PREFIX):
            return self._sandbox({**environ, "PATH_INFO": path.removeprefix(PREFIX)}, start_response)
        return self._own(Request(environ))(environ, start_response)

    def link_url(self, token: str) -> str:
        """Return the URL of the page that opens Link with this token."""
        return f"{self.url}/?token={token}"

    def create_token(self, **request: Any) -> str:
        """Create a link token for a new Item, as ``/link/token/create`` does."""
        fields = {
            "client_name": "Plumbline",
            "country_codes": ["US"],
            "products": ["transactions"],
            "additional_consented_products": ["liabilities"],
            **request,
        }
        return links.create_token(self.context, request=fields, item_id=None).token

    def create_update_token(self, item_id: str, **request: Any) -> str:
        """Create a link token for update mode."""
        fields = {"client_name": "Plumbline", "country_codes": ["US"], **request}
        return links.create_token(self.context, request=fields, item_id=item_id).token

    def _own(self, request: Request) -> Response:
        if request.path == "/host.js":
            return Response(SCRIPT, content_type="text/javascript")
        if request.path == "/icon":
            return Response(b"", content_type="image/x-icon")
        page = PAGE.format(token=request.args.get("token", ""), open=request.args.get("open", ""))
        return Response(page, headers={"Content-Security-Policy": POLICY}, content_type="text/html")


@contextmanager
def run_host(context: AppContext) -> Iterator[Host]:
    """Run the site on a free local port until the block ends."""
    host = Host(context)
    server = make_server("127.0.0.1", 0, host, threaded=True)
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
