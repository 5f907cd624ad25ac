"""The tenant of a request is its user."""

import random
import threading
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.core.handlers.base import BaseHandler
from django.db import DatabaseError, connection, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import RequestFactory

from compliance.isolation import current_tenant
from compliance.isolation.middleware import TenantMiddleware
from compliance.tests.conftest import default_and_ops
from compliance.tests.sample_tables import list_visible_owners

pytestmark = default_and_ops


class SignedInUser:
    """A signed-in user, with the attributes that the middleware reads."""

    is_authenticated = True

    def __init__(self, pk: UUID) -> None:
        self.pk = pk


def boxes_view(request: HttpRequest) -> HttpResponse:
    """Return the visible owners, or fail with the fault that the request names."""
    fault = request.GET.get("fault")
    if fault == "error":
        raise ZeroDivisionError
    if fault == "sql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    return JsonResponse({"owners": sorted(map(str, list_visible_owners()))})


def send_request(user: Any, fault: str) -> HttpResponse:
    """Send one request through the middleware into an atomic view, as Django's handler does."""
    request = RequestFactory().get("/", {"fault": fault} if fault else {})
    request.user = user
    view = BaseHandler().make_view_atomic(boxes_view)
    return TenantMiddleware(view)(request)


def test_it_isolates_requests_on_threads_and_reused_connections(
    alice: Any, mallory: Any, make_user: Any, make_box: Any
) -> None:
    users = [alice, mallory, make_user("carol"), make_user("dave")]
    for user in users:
        make_box(user)
    errors: list[Any] = []

    def send(seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311
        for _ in range(150):
            user = rng.choice([*users, None])
            fault = rng.choice(["", "", "error", "sql"])
            expected = [str(user.pk)] if user else []
            try:
                response = send_request(SignedInUser(user.pk) if user else AnonymousUser(), fault)
            except (ZeroDivisionError, DatabaseError):
                continue
            if fault or response.content != JsonResponse({"owners": expected}).content:
                errors.append((user, fault, response.content))
            if current_tenant() is not None or list_visible_owners():
                errors.append("left bound")
        connections.close_all()

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_it_needs_no_query_for_anonymous_users(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        TenantMiddleware(lambda request: HttpResponse())(_anonymous_request())


def _anonymous_request() -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    return request
