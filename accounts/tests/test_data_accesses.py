"""Operators never look unseen: each look is in the person's trail, and the person is shown it."""

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


def lists() -> list[str]:
    """The lists that take no reason."""
    return [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model, shown in admin.site._registry.items()
        if not shown.needs_reason
    ]


# --- Never unseen -----------------------------------------------------------------------------------------


def event_of(person: User) -> AuditEvent:
    """The last event in a person's trail."""
    with tenant(person.pk):
        event = AuditEvent.objects.filter(subject=person.pk)[0]
        event.told = event.details()
    return event


def test_it_writes_each_look_into_that_persons_trail(operator: Client, root: User, alice: User, trail: Trail) -> None:
    operator.get(operator_user_url(alice))
    assert trail(alice.pk) == ["operator_view"]
    operator.get(reverse("admin:accounts_user_changelist"))
    assert trail(alice.pk) == ["operator_view"] * 2
    assert trail(root.pk)[-1] == "operator_view"


def test_it_says_who_looked_at_what(operator: Client, root: User, alice: User) -> None:
    operator.get(operator_user_url(alice))
    event = event_of(alice)
    assert (event.actor, event.resource, event.resource_id) == (root.pk, "user", str(alice.pk))
    assert event.told["rows"] == [str(alice.pk)]
    assert (event.told["what"], event.told["role"], event.told["reason"]) == ("accounts.user", "", "")


@pytest.fixture
def groups(db: None) -> Iterator[list[Group]]:
    """Two groups of operators; the tables of ``auth`` are not emptied after a test."""
    made = [Group.objects.create(name=name) for name in ("Support", "Fraud desk")]
    yield made
    for each in made:
        each.delete()


def test_it_names_the_operators_groups(operator: Client, root: User, alice: User, groups: list[Group]) -> None:
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    root.groups.set(groups)
    root.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert operator.get(operator_user_url(alice)).status_code == 200
    assert event_of(alice).told["role"] == "Fraud desk, Support"


def test_it_writes_no_look_at_what_was_not_shown(operator: Client, root: User, alice: User, trail: Trail) -> None:
    operator.get(reverse("admin:accounts_user_changelist"), {"q": "root@"})
    operator.head(reverse("admin:accounts_user_changelist"), {"q": "nobody@"})
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    operator.get(operator_user_url(alice))
    assert trail(alice.pk) == []


def test_it_writes_looks_at_addresses_factors_sessions_and_trails_too(
    operator: Client, alice: User, authenticator_app: AuthenticatorApp, trail: Trail
) -> None:
    UserSession.objects.create(user=alice, ip="192.0.2.7", user_agent="Firefox", session_key="k" * 32)
    for place in lists():
        assert operator.get(place).status_code == 200
    # Person, address, factor, session, and the events that these looks are.
    assert trail(alice.pk) == ["operator_view"] * 5


def test_it_shows_no_row_when_the_look_cannot_be_written(
    operator: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no trail")

    monkeypatch.setattr("accounts.operators.admin.record", fail)
    with pytest.raises(RuntimeError, match="no trail"):
        operator.get(operator_user_url(alice))


# --- The glass --------------------------------------------------------------------------------------------

REASON = "Ticket 4711: you asked why a payment of yours is missing."


def mails_to(person: User) -> list[mail.EmailMessage]:
    return [each for each in mail.outbox if each.to == [person.email]]


def test_it_asks_for_a_reason_that_says_something(operator: Client, alice: User, trail: Trail) -> None:
    place = reverse("admin:break_glass", args=[alice.pk])
    assert operator.get(place).status_code == 200
    for reason in ("", "ticket 4711", " " * 30, "x" * 501, "a reason with a \x00 in it"):
        page = operator.post(place, {"reason": reason})
        assert page.status_code == 200
        assert page.context["form"].errors, reason
    assert trail(alice.pk) == []
    assert mails_to(alice) == []


def test_it_tells_the_person_at_once(operator: Client, root: User, alice: User) -> None:
    assert operator.post(reverse("admin:break_glass", args=[alice.pk]), {"reason": REASON}).url == "/operators/"
    event = event_of(alice)
    assert (event.action, event.actor, event.outcome) == ("break_glass", root.pk, "ok")
    assert (event.told["reason"], event.told["role"]) == (REASON, "")
    (sent,) = mails_to(alice)
    assert sent.subject == "An administrator requested access to your data"
    assert reverse("data_accesses") in sent.body
    assert REASON not in sent.body
    assert root.email not in sent.body


def test_it_breaks_the_glass_for_nobody_who_is_not_there(operator: Client) -> None:
    place = reverse("admin:break_glass", args=[UUID(int=7)])
    assert operator.post(place, {"reason": REASON}).status_code == 404


def test_it_breaks_it_only_for_those_who_may_see_what_is_behind(operator: Client, root: User, alice: User) -> None:
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    root.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert operator.post(reverse("admin:break_glass", args=[alice.pk]), {"reason": REASON}).status_code == 403
    assert mails_to(alice) == []


def test_it_asks_for_the_factor_again_before_the_glass(operator: Client, alice: User, time_machine) -> None:
    time_machine.move_to(time.time() + 301)
    answer = operator.post(reverse("admin:break_glass", args=[alice.pk]), {"reason": REASON})
    assert answer.url.startswith(reverse("mfa_reauthenticate"))
    assert mails_to(alice) == []


# --- Seen by the person -----------------------------------------------------------------------------------


def test_a_person_reads_who_looked(operator: Client, root: User, alice: User, as_alice: Client) -> None:
    operator.get(operator_user_url(alice))
    operator.post(reverse("admin:break_glass", args=[alice.pk]), {"reason": f"{REASON} <b>"})
    page = as_alice.get(reverse("data_accesses")).content.decode()
    said = strip_tags(page)
    assert "Administrator viewed: Your name, email address, and last sign-in" in said
    assert "Administrator requested access to your bank and credit data Reason: Ticket 4711" in said
    assert "&lt;b&gt;" in page
    assert said.index("requested access") < said.index("viewed:")
    assert root.email not in page
    assert str(root.pk) not in page


@pytest.mark.parametrize("what", ["gone.model", "no label", "", "compliance.datakey"])
def test_a_person_reads_that_data_was_viewed_which_operators_can_no_longer_view(
    as_alice: Client, alice: User, what: str
) -> None:
    record(Action.OPERATOR_VIEW, subject=alice, what=what, rows=["a"])
    assert "Administrator viewed: Your data" in strip_tags(as_alice.get(reverse("data_accesses")).content.decode())


def test_a_person_reads_of_nobody_elses_looks(operator: Client, alice: User, as_mallory: Client) -> None:
    operator.get(operator_user_url(alice))
    assert "No views yet." in as_mallory.get(reverse("data_accesses")).content.decode()


def test_a_person_pages_back_through_many_looks(as_alice: Client, alice: User) -> None:
    for number in range(51):
        record(Action.OPERATOR_VIEW, subject=alice, what="account.emailaddress", rows=["a"] * number)
    first = as_alice.get(reverse("data_accesses"))
    assert "Your email addresses (50 rows)" in first.content.decode()
    second = as_alice.get(reverse("data_accesses") + first.context["older_url"])
    assert [access.rows for access in first.context["data_accesses"]] == [*range(50, 0, -1)]
    assert [access.rows for access in second.context["data_accesses"]] == [0]
    assert second.context["older_url"] == ""


@pytest.mark.parametrize("before", ["-1", "x", "9" * 400, "1e3", "\x00", "٣"])
def test_a_page_that_there_is_not_harms_nothing(as_alice: Client, before: str) -> None:
    assert as_alice.get(reverse("data_accesses"), {"before": before}).status_code == 200
