"""The operators' site: for staff with a second factor, for looking only, and never unseen."""

import re
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import ProgrammingError
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import LoginThrottle, User
from accounts.operators import OperatorAdmin
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import sign_in
from accounts.tests.phone import Phone, enrolled, sign_in_with
from compliance.audit import Action, record
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from compliance.isolation.viewer import viewing
from compliance.models import DataKey

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "viewer"]),
    pytest.mark.usefixtures("cheap_hash"),
]

Trail = Callable[[UUID], list[str]]
OTHER_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def root(make_user: Callable[..., User]) -> User:
    user = make_user("root", PASSWORD)
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True, last_login=timezone.now())
    user.refresh_from_db()
    return user


@pytest.fixture
def operator(root: User) -> Client:
    """Root, signed in with an authenticator app."""
    client = Client()
    sign_in_with(client, root, PASSWORD, enrolled(root, OTHER_SECRET))
    return client


def row(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def lists() -> list[str]:
    """The lists that take no reason."""
    return [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model, shown in admin.site._registry.items()
        if not shown.needs_reason
    ]


# --- Who --------------------------------------------------------------------------------------------------


def test_it_stands_on_a_path_of_the_operators_choice(settings) -> None:
    assert reverse("admin:index") == f"/{settings.ADMIN_PATH}" == "/operators/"


def test_it_asks_strangers_to_sign_in(stranger: Client) -> None:
    asked = stranger.get("/operators/accounts/user/", follow=True).redirect_chain[-1][0]
    assert asked == f"{reverse('account_login')}?next=/operators/accounts/user/"


@pytest.mark.parametrize("place", [f"/operators/{page}" for page in ("", "login/", "accounts/user/", "nothing/")])
def test_it_is_not_there_for_everybody_else(as_mallory: Client, place: str) -> None:
    assert as_mallory.get(place).status_code == 404


def test_it_sends_staff_without_a_second_factor_to_set_one_up(root: User) -> None:
    client = Client()
    sign_in(client, root.email, PASSWORD)
    for place in ("/operators/", "/operators/login/", reverse("overview"), reverse("transactions")):
        assert client.get(place).url == reverse("security")
    assert "Set up a second factor first" in client.get(reverse("security")).content.decode()
    for name in ("mfa_activate_totp", "mfa_add_webauthn", "account_logout", "help"):
        assert client.get(reverse(name)).status_code == 200


def test_it_asks_staff_for_the_factor_in_a_session_without(root: User) -> None:
    enrolled(root)
    client = Client()
    client.force_login(root)
    answer = client.get("/operators/", follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("mfa_reauthenticate"))
    assert client.get(reverse("overview")).status_code == 200


def test_it_lets_staff_in_with_a_second_factor(operator: Client) -> None:
    page = operator.get("/operators/")
    assert page.status_code == 200
    assert "Plumbline operators" in page.content.decode()


def test_it_shows_staff_only_what_they_were_given(root: User, operator: Client) -> None:
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    assert operator.get("/operators/").status_code == 200
    assert operator.get(row(root)).status_code == 403


def test_it_closes_when_the_factor_goes(operator: Client) -> None:
    Authenticator.objects.all().delete()
    assert operator.get("/operators/").status_code == 302


# --- Looking only -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["add/", "{}/delete/", "{}/history/", "{}/password/", "{}/"])
def test_it_has_no_page_that_changes_something(operator: Client, alice: User, page: str) -> None:
    assert operator.get(f"/operators/accounts/user/{page.format(alice.pk)}").status_code == 404


def test_it_takes_no_form_about_a_row(operator: Client, alice: User) -> None:
    fields = {"email": "evil@example.com", "is_staff": "on", "_save": "Save"}
    deleting = {"action": "delete_selected", "_selected_action": alice.pk}
    assert operator.post(row(alice), fields).status_code == 405
    assert operator.post(reverse("admin:accounts_user_changelist"), deleting).status_code == 405
    alice.refresh_from_db()
    assert (alice.email, alice.is_staff) == ("alice@example.com", False)


def test_its_database_refuses_what_it_would_write(alice: User) -> None:
    rows = User.objects.using("viewer").filter(pk=alice.pk)
    for write in (
        lambda: rows.update(is_staff=True),
        rows.delete,
        lambda: User(email="x@example.com").save(using="viewer"),
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), viewing():
            write()


@pytest.mark.parametrize(
    "read",
    [
        lambda: User.objects.values_list("password"),
        lambda: User.objects.values_list("link_id"),
        lambda: Authenticator.objects.values_list("data"),
        lambda: UserSession.objects.values_list("session_key"),
        lambda: AuditEvent.objects.using("viewer").values_list("payload"),
        lambda: Session.objects.values_list("session_key"),
        lambda: LoginThrottle.objects.values_list("key"),
        lambda: DataKey.objects.using("viewer").values_list("wrapped"),
        lambda: User.objects.filter(password__startswith="argon2").values_list("id"),
    ],
)
def test_its_database_shows_it_no_secret(alice: User, read: Callable[[], QuerySet]) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), viewing():
        list(read().using("viewer"))


@pytest.mark.parametrize(
    "guess", ["password__startswith=a", "link_id__gt=0", "groups__name=x", "id__in=1,2&password=x"]
)
def test_it_answers_no_guess_at_what_it_does_not_show(operator: Client, guess: str) -> None:
    assert operator.get(f"{reverse('admin:accounts_user_changelist')}?{guess}").status_code == 400


def test_it_filters_by_person(operator: Client, root: User, alice: User, phone: Phone) -> None:
    page = operator.get(reverse("admin:mfa_authenticator_changelist"), {"user_id": alice.pk}).content.decode()
    assert str(alice.pk) in page
    assert str(root.pk) not in page


def test_it_filters_trails_by_action(operator: Client, root: User) -> None:
    place = reverse("admin:compliance_auditevent_changelist")
    trails = operator.get(place, {"subject": root.pk, "action": "user_login"}).context["cl"].result_list
    assert [event.action for event in trails] == ["user_login"]


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "email=a%00b",
        "is_active__exact=%00",
        "o=%00",
        "p=%00",
        "%00=x",
        "e=%00",
        "id__exact=%00",
        "q=a%2500%00",
    ],
)
@pytest.mark.parametrize(
    "name", ["accounts_user", "account_emailaddress", "mfa_authenticator", "compliance_auditevent"]
)
def test_it_refuses_a_nul_in_a_filter(operator: Client, name: str, query: str) -> None:
    place = reverse(f"admin:{name}_changelist")
    assert operator.get(f"{place}?{query}").status_code == 400
    assert operator.get(f"{place}%00/change/").status_code in (400, 404)


@pytest.mark.parametrize(
    "query",
    ["email__regex=(", "email__iregex=(a%2B)%2B$", "email__gt=a", "id__in=x", "created_at__date=x", "id=x", "p=-1",
     "p=9999999999999999999", "o=99.x", "is_active__exact=x", "id__isnull=x", "email__search=x"],
)  # fmt: skip
def test_it_answers_any_other_filter_with_a_page(operator: Client, query: str) -> None:
    assert operator.get(f"{reverse('admin:accounts_user_changelist')}?{query}").status_code in (200, 302, 400)


def test_it_takes_no_other_packages_view_of_its_tables() -> None:
    assert all(isinstance(each, OperatorAdmin) for each in admin.site._registry.values())
    assert "django_celery_beat" not in {model._meta.app_label for model in admin.site._registry}


def test_it_changes_passwords_and_signs_out_where_everybody_does(operator: Client) -> None:
    assert operator.get(reverse("admin:password_change")).url == reverse("account_change_password")
    assert operator.post(reverse("admin:logout")).status_code == 302
    assert operator.get("/operators/").status_code == 302


def test_it_lets_only_its_own_scripts_run(operator: Client) -> None:
    policy = operator.get("/operators/").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'" not in operator.get(reverse("security")).headers["Content-Security-Policy"]


# --- Never unseen -----------------------------------------------------------------------------------------


def event_of(person: User) -> AuditEvent:
    """The last event in a person's trail."""
    with tenant(person.pk):
        event = AuditEvent.objects.filter(subject=person.pk)[0]
        event.told = event.facts()
    return event


def test_it_writes_each_look_into_that_persons_trail(operator: Client, root: User, alice: User, trail: Trail) -> None:
    operator.get(row(alice))
    assert trail(alice.pk) == ["operator_view"]
    operator.get(reverse("admin:accounts_user_changelist"))
    assert trail(alice.pk) == ["operator_view"] * 2
    assert trail(root.pk)[-1] == "operator_view"


def test_it_says_who_looked_at_what(operator: Client, root: User, alice: User) -> None:
    operator.get(row(alice))
    event = event_of(alice)
    assert (event.actor, event.resource, event.resource_id) == (root.pk, "user", str(alice.pk))
    assert event.told["rows"] == [str(alice.pk)]
    assert (event.told["role"], event.told["reason"]) == ("Administrator", "")


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
    assert operator.get(row(alice)).status_code == 200
    assert event_of(alice).told["role"] == "Fraud desk, Support"


def test_it_writes_no_look_at_what_was_not_shown(operator: Client, root: User, alice: User, trail: Trail) -> None:
    operator.get(reverse("admin:accounts_user_changelist"), {"q": "root@"})
    operator.head(reverse("admin:accounts_user_changelist"), {"q": "nobody@"})
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    operator.get(row(alice))
    assert trail(alice.pk) == []


def test_it_writes_looks_at_addresses_factors_sessions_and_trails_too(
    operator: Client, alice: User, phone: Phone, trail: Trail
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

    monkeypatch.setattr("accounts.operators.record", fail)
    with pytest.raises(RuntimeError, match="no trail"):
        operator.get(row(alice))


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
    assert (event.action, event.actor, event.outcome) == ("glass_broken", root.pk, "ok")
    assert (event.told["reason"], event.told["role"]) == (REASON, "Administrator")
    (sent,) = mails_to(alice)
    assert sent.subject == "Somebody may look at your bank and credit data in Plumbline"
    assert reverse("looks") in sent.body
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


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_person_reads_who_looked(operator: Client, root: User, alice: User, as_alice: Client) -> None:
    operator.get(row(alice))
    operator.post(reverse("admin:break_glass", args=[alice.pk]), {"reason": f"{REASON} <b>"})
    page = as_alice.get(reverse("looks")).content.decode()
    said = words(page)
    assert "Administrator looked at: Your name, your email address and when you signed in last" in said
    assert "Administrator asked to see your bank and credit data The reason: Ticket 4711" in said
    assert "&lt;b&gt;" in page
    assert said.index("asked to see") < said.index("looked at:")
    assert root.email not in page
    assert str(root.pk) not in page


def test_a_person_reads_of_nobody_elses_looks(operator: Client, alice: User, as_mallory: Client) -> None:
    operator.get(row(alice))
    assert "Nobody has looked at your data." in as_mallory.get(reverse("looks")).content.decode()


def test_a_person_pages_back_through_many_looks(as_alice: Client, alice: User) -> None:
    for number in range(51):
        record(Action.OPERATOR_VIEW, subject=alice, what=f"Row {number:02}", rows=["a"] * number)
    first = as_alice.get(reverse("looks"))
    assert "Row 50 (50 rows)" in first.content.decode()
    assert "Row 00" not in first.content.decode()
    second = as_alice.get(reverse("looks") + first.context["older_url"])
    assert [look.what for look in second.context["looks"]] == ["Row 00"]
    assert second.context["older_url"] == ""


@pytest.mark.parametrize("before", ["-1", "x", "9" * 400, "1e3", "\x00", "٣"])
def test_a_page_that_there_is_not_harms_nothing(as_alice: Client, before: str) -> None:
    assert as_alice.get(reverse("looks"), {"before": before}).status_code == 200
