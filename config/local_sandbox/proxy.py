"""Serve the sandbox's pages, the linking dialog and the mailbox, from the site's own origin.

So one forwarded port is enough, and the content security policy needs no exception. Other paths of the sandbox, such as
its keys and controls, are not forwarded, and requests from other machines get 404.
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
FORWARDED_HEADERS = ("Content-Type", "Location", "Cache-Control", "ETag", "Last-Modified", "X-Content-Type-Options")


@csrf_exempt  # The dialog has a token of its own, and the site's cookies are not forwarded.
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@transaction.non_atomic_requests
def sandbox(request: HttpRequest, path: str) -> HttpResponse:
    """Forward a request from this machine to the sandbox program, and return its response."""
    if not is_from_this_machine(request) or not path.startswith(PATHS) or ".." in path.split("/"):
        raise Http404
    url = urlsplit(settings.PLAID_URL)
    connection = HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT)
    try:
        connection.request(str(request.method), target(request, path), request.body or None, headers(request))
        forwarded = connection.getresponse()
        response = HttpResponse(forwarded.read(), status=forwarded.status)
        for name in FORWARDED_HEADERS:
            if value := forwarded.getheader(name):
                response[name] = value
        return response
    except (OSError, HTTPException):
        return render(request, "503.html", status=503)
    finally:
        connection.close()


def is_from_this_machine(request: HttpRequest) -> bool:
    """Whether a request was sent on this machine: its own address and all that proxies have forwarded are loopback.

    The mailbox shows the emails of all users, also those with sign-in links. A client can make up a forwarded address,
    but gains nothing by it: one address of another machine is enough for the request to be refused.
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
