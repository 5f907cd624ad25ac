"""Each view of a user's data by an operator is in the user's audit trail, and is shown to the user."""

import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.pages import operator_user_url
from accounts.tests.totp import AuthenticatorApp
from compliance.audit import Action, record
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from ui.tests.page_text import strip_tags

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "viewer"]),
    pytest.mark.usefixtures("cheap_hash"),
]

Trail = Callable[[UUID], list[str]]


def list_urls() -> list[str]:
    """Return the URLs of the operators' lists that need no reason."""
    return [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model, model_admin in admin.site._registry.items()
        if not model_admin.needs_reason
    ]


# --- The audit trail --------------------------------------------------------------------------------------


def get_last_event(user: User) -> AuditEvent:
    """Return the last event in a user's trail, with its details."""
    with tenant(user.pk):
        event = AuditEvent.objects.filter(subject=user.pk)[0]
        event.decoded = event.details()
    return event


def test_it_records_each_view_in_the_viewed_users_trail(
    operator: Client, root: User, alice: User, trail: Trail
) -> None:
    operator.get(operator_user_url(alice))
    assert trail(alice.pk) == ["operator_view"]
    operator.get(reverse("admin:accounts_user_changelist"))
    assert trail(alice.pk) == ["operator_view"] * 2
    assert trail(root.pk)[-1] == "operator_view"


def test_it_records_who_viewed_what(operator: Client, root: User, alice: User) -> None:
    operator.get(operator_user_url(alice))
    event = get_last_event(alice)
    assert (event.actor, event.resource, event.resource_id) == (root.pk, "user", str(alice.pk))
    assert event.decoded["rows"] == [str(alice.pk)]
    assert (event.decoded["what"], event.decoded["role"], event.decoded["reason"]) == ("accounts.user", "", "")


@pytest.fixture
def groups(db: None) -> Iterator[list[Group]]:
    """Two groups of operators, deleted afterwards because the tables of ``auth`` are not emptied after a test."""
    created = [Group.objects.create(name=name) for name in ("Support", "Fraud desk")]
    yield created
    for group in created:
        group.delete()


def test_it_records_the_operators_groups(operator: Client, root: User, alice: User, groups: list[Group]) -> None:
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    root.groups.set(groups)
    root.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert operator.get(operator_user_url(alice)).status_code == 200
    assert get_last_event(alice).decoded["role"] == "Fraud desk, Support"


def test_it_records_no_view_of_rows_that_were_not_shown(
    operator: Client, root: User, alice: User, trail: Trail
) -> None:
    operator.get(reverse("admin:accounts_user_changelist"), {"q": "root@"})
    operator.head(reverse("admin:accounts_user_changelist"), {"q": "nobody@"})
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    operator.get(operator_user_url(alice))
    assert trail(alice.pk) == []


def test_it_records_views_of_addresses_factors_sessions_and_trails(
    operator: Client, alice: User, authenticator_app: AuthenticatorApp, trail: Trail
) -> None:
    UserSession.objects.create(user=alice, ip="192.0.2.7", user_agent="Firefox", session_key="k" * 32)
    for url in list_urls():
        assert operator.get(url).status_code == 200
    # The user, address, factor and session, and the events of these views.
    assert trail(alice.pk) == ["operator_view"] * 5


def test_it_shows_no_row_if_the_view_cannot_be_recorded(
    operator: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no trail")

    monkeypatch.setattr("accounts.operators.admin.record", fail)
    with pytest.raises(RuntimeError, match="no trail"):
        operator.get(operator_user_url(alice))


# --- Break glass ------------------------------------------------------------------------------------------

REASON = "Ticket 4711: you asked why a payment of yours is missing."


def emails_to(user: User) -> list[mail.EmailMessage]:
    return [message for message in mail.outbox if message.to == [user.email]]


def test_it_rejects_a_missing_short_or_overlong_reason(operator: Client, alice: User, trail: Trail) -> None:
    url = reverse("admin:break_glass", args=[alice.pk])
    assert operator.get(url).status_code == 200
    for reason in ("", "ticket 4711", " " * 30, "x" * 501, "a reason with a \x00 in it"):
        page = operator.post(url, {"reason": reason})
        assert page.status_code == 200
        assert page.context["form"].errors, reason
    assert trail(alice.pk) == []
    assert emails_to(alice) == []


def test_it_records_the_reason_and_emails_the_user_at_once(operator: Client, root: User, alice: User) -> None:
    assert operator.post(reverse("admin:break_glass", args=[alice.pk]), {"reason": REASON}).url == "/operators/"
    event = get_last_event(alice)
    assert (event.action, event.actor, event.outcome) == ("break_glass", root.pk, "ok")
    assert (event.decoded["reason"], event.decoded["role"]) == (REASON, "")
    (message,) = emails_to(alice)
    assert message.subject == "An administrator requested access to your data"
    assert reverse("data_accesses") in message.body
    assert REASON not in message.body
    assert root.email not in message.body


def test_it_responds_with_404_for_an_unknown_user(operator: Client) -> None:
    url = reverse("admin:break_glass", args=[UUID(int=7)])
    assert operator.post(url, {"reason": REASON}).status_code == 404


def test_it_refuses_operators_without_permission_to_see_the_data(operator: Client, root: User, alice: User) -> None:
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    root.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert operator.post(reverse("admin:break_glass", args=[alice.pk]), {"reason": REASON}).status_code == 403
    assert emails_to(alice) == []


def test_it_requires_a_recent_second_factor(operator: Client, alice: User, time_machine) -> None:
    time_machine.move_to(time.time() + 301)
    response = operator.post(reverse("admin:break_glass", args=[alice.pk]), {"reason": REASON})
    assert response.url.startswith(reverse("mfa_reauthenticate"))
    assert emails_to(alice) == []


# --- The user's page --------------------------------------------------------------------------------------


def test_it_shows_the_user_views_and_reasons_but_not_the_operator(
    operator: Client, root: User, alice: User, as_alice: Client
) -> None:
    operator.get(operator_user_url(alice))
    operator.post(reverse("admin:break_glass", args=[alice.pk]), {"reason": f"{REASON} <b>"})
    page = as_alice.get(reverse("data_accesses")).content.decode()
    text = strip_tags(page)
    assert "Administrator viewed: Your name, email address, and last sign-in" in text
    assert "Administrator requested access to your bank and credit data Reason: Ticket 4711" in text
    assert "&lt;b&gt;" in page
    assert text.index("requested access") < text.index("viewed:")
    assert root.email not in page
    assert str(root.pk) not in page


@pytest.mark.parametrize("what", ["gone.model", "no label", "", "compliance.datakey"])
def test_it_shows_views_of_models_that_operators_can_no_longer_view(as_alice: Client, alice: User, what: str) -> None:
    record(Action.OPERATOR_VIEW, subject=alice, what=what, rows=["a"])
    assert "Administrator viewed: Your data" in strip_tags(as_alice.get(reverse("data_accesses")).content.decode())


def test_it_does_not_show_views_of_another_users_data(operator: Client, alice: User, as_mallory: Client) -> None:
    operator.get(operator_user_url(alice))
    assert "No views in the last 365 days." in as_mallory.get(reverse("data_accesses")).content.decode()


def test_it_pages_back_through_many_views(as_alice: Client, alice: User) -> None:
    for number in range(51):
        record(Action.OPERATOR_VIEW, subject=alice, what="account.emailaddress", rows=["a"] * number)
    first = as_alice.get(reverse("data_accesses"))
    assert "Your email addresses (50 rows)" in first.content.decode()
    second = as_alice.get(reverse("data_accesses") + first.context["older_url"])
    assert [access.rows for access in first.context["data_accesses"]] == [*range(50, 0, -1)]
    assert [access.rows for access in second.context["data_accesses"]] == [0]
    assert second.context["older_url"] == ""


@pytest.mark.parametrize("before", ["-1", "x", "9" * 400, "1e3", "\x00", "٣"])
def test_it_responds_with_a_page_for_an_invalid_cursor(as_alice: Client, before: str) -> None:
    assert as_alice.get(reverse("data_accesses"), {"before": before}).status_code == 200
