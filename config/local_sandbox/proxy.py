"""Serve the sandbox's pages, the linking dialog and the mailbox, from the site's own origin.

So one forwarded port is enough, and the content security policy needs no exception. The rest of the sandbox, such as
its keys and controls, is not reachable here, and nothing is reachable from another machine.
"""

from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from compliance.outbound.loopback import is_loopback

PATHS = ("link/", "mailbox/")
TIMEOUT = 35
PASSED_ON = ("Content-Type", "Location", "Cache-Control", "ETag", "Last-Modified", "X-Content-Type-Options")


@csrf_exempt  # The dialog has a token of its own, and the site's cookies are never passed on.
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@transaction.non_atomic_requests
def sandbox(request: HttpRequest, path: str) -> HttpResponse:
    """Forward a request from this machine to the sandbox program, and return its response."""
    if not is_from_here(request) or not path.startswith(PATHS) or ".." in path.split("/"):
        raise Http404
    place = urlsplit(settings.PLAID_URL)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=TIMEOUT)
    try:
        connection.request(str(request.method), target(request, path), request.body or None, headers(request))
        answer = connection.getresponse()
        response = HttpResponse(answer.read(), status=answer.status)
        for name in PASSED_ON:
            if value := answer.getheader(name):
                response[name] = value
        return response
    except (OSError, HTTPException):
        return render(request, "503.html", status=503)
    finally:
        connection.close()


def is_from_here(request: HttpRequest) -> bool:
    """Whether a request began on this machine: it came from here, and so did whatever a proxy passed on.

    The mailbox shows everybody's mails, links that sign in included. A forwarded address may be made up, but only
    to look farther away: one that is not of this machine is refused whoever wrote it.
    """
    forwarded = request.headers.get("X-Forwarded-For", "")
    hops = [request.META.get("REMOTE_ADDR", ""), *(forwarded.split(",") if forwarded else ())]
    return all(is_loopback(hop.strip()) for hop in hops)


def target(request: HttpRequest, path: str) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"/{path}?{query}" if query else f"/{path}"


def headers(request: HttpRequest) -> dict[str, str]:
    return {
        name: value
        for name in ("Content-Type", "Accept", "If-None-Match", "If-Modified-Since")
        if (value := request.headers.get(name))
    }
