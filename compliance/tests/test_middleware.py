"""The tenant of a request is the person who sent it."""

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
from compliance.tests.conftest import everywhere
from compliance.tests.sample_tables import visible_owners

pytestmark = everywhere


class Person:
    """A signed-in user, as the middleware sees one."""

    is_authenticated = True

    def __init__(self, pk: UUID) -> None:
        self.pk = pk


def boxes_view(request: HttpRequest) -> HttpResponse:
    """Answer with the owners that are visible, or fail the way that the request asks for."""
    fault = request.GET.get("fault")
    if fault == "error":
        raise ZeroDivisionError
    if fault == "sql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    return JsonResponse({"owners": sorted(map(str, visible_owners()))})


def send_request(user: Any, fault: str) -> HttpResponse:
    """Send one request through the middleware into an atomic view, as Django's handler does."""
    request = RequestFactory().get("/", {"fault": fault} if fault else {})
    request.user = user
    view = BaseHandler().make_view_atomic(boxes_view)
    return TenantMiddleware(view)(request)


def test_it_never_mixes_requests_up_over_threads_and_reused_connections(
    alice: Any, mallory: Any, make_user: Any, make_box: Any
) -> None:
    people = [alice, mallory, make_user("carol"), make_user("dave")]
    for person in people:
        make_box(person)
    wrong: list[Any] = []

    def send(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        for _ in range(150):
            person = chance.choice([*people, None])
            fault = chance.choice(["", "", "error", "sql"])
            expected = [str(person.pk)] if person else []
            try:
                response = send_request(Person(person.pk) if person else AnonymousUser(), fault)
            except (ZeroDivisionError, DatabaseError):
                continue
            if fault or response.content != JsonResponse({"owners": expected}).content:
                wrong.append((person, fault, response.content))
            if current_tenant() is not None or visible_owners():
                wrong.append("left bound")
        connections.close_all()

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_it_costs_a_stranger_no_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        TenantMiddleware(lambda request: HttpResponse())(_anonymous())


def _anonymous() -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    return request
