"""The operators' site is read-only and for staff with a second factor. See also ``test_data_accesses.py``."""

from collections.abc import Callable
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.db import ProgrammingError
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse

from accounts.deletion import requests
from accounts.models import User
from accounts.operators.admin import OperatorAdmin
from accounts.sign_in.models import LoginThrottle
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import operator_user_url, sign_in
from accounts.tests.totp import AuthenticatorApp, add_authenticator_app
from compliance.audit.events import AuditEvent
from compliance.consent.legal_texts import current_version
from compliance.isolation.viewer import operator_view
from compliance.models import DataKey

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "viewer"]),
    pytest.mark.usefixtures("cheap_hash"),
]


# --- Access -----------------------------------------------------------------------------------------------


def test_it_has_the_path_of_the_setting(settings) -> None:
    assert reverse("admin:index") == f"/{settings.ADMIN_PATH}" == "/operators/"


def test_it_redirects_anonymous_users_to_sign_in(anonymous: Client) -> None:
    url = anonymous.get("/operators/accounts/user/", follow=True).redirect_chain[-1][0]
    assert url == f"{reverse('account_login')}?next=/operators/accounts/user/"


@pytest.mark.parametrize("url", [f"/operators/{page}" for page in ("", "login/", "accounts/user/", "nothing/")])
def test_it_responds_with_404_to_other_users(as_mallory: Client, url: str) -> None:
    assert as_mallory.get(url).status_code == 404


def test_it_redirects_staff_without_a_second_factor_to_set_one_up(root: User) -> None:
    client = Client()
    sign_in(client, root.email, PASSWORD)
    for url in ("/operators/", "/operators/login/", reverse("overview"), reverse("transactions")):
        assert client.get(url).url == reverse("security")
    assert "Set up two-step verification first" in client.get(reverse("security")).content.decode()
    for name in ("mfa_activate_totp", "mfa_add_webauthn", "account_logout", "help"):
        assert client.get(reverse(name)).status_code == 200


def test_it_requires_the_second_factor_in_a_session_without_it(root: User) -> None:
    add_authenticator_app(root)
    client = Client()
    client.force_login(root)
    response = client.get("/operators/", follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("mfa_reauthenticate"))
    assert client.get(reverse("overview")).status_code == 200


def test_it_lets_staff_in_with_a_second_factor(operator: Client) -> None:
    page = operator.get("/operators/")
    assert page.status_code == 200
    assert "Plumbline operators" in page.content.decode()


def test_it_shows_only_models_with_permission(root: User, operator: Client) -> None:
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    assert operator.get("/operators/").status_code == 200
    assert operator.get(operator_user_url(root)).status_code == 403


def test_it_redirects_when_the_factor_is_removed(operator: Client) -> None:
    Authenticator.objects.all().delete()
    assert operator.get("/operators/").status_code == 302


# --- Read-only --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["add/", "{}/delete/", "{}/history/", "{}/password/", "{}/"])
def test_it_has_no_pages_that_change_data(operator: Client, alice: User, page: str) -> None:
    assert operator.get(f"/operators/accounts/user/{page.format(alice.pk)}").status_code == 404


def test_it_rejects_posted_forms(operator: Client, alice: User) -> None:
    fields = {"email": "evil@example.com", "is_staff": "on", "_save": "Save"}
    delete_form = {"action": "delete_selected", "_selected_action": alice.pk}
    assert operator.post(operator_user_url(alice), fields).status_code == 405
    assert operator.post(reverse("admin:accounts_user_changelist"), delete_form).status_code == 405
    alice.refresh_from_db()
    assert (alice.email, alice.is_staff) == ("alice@example.com", False)


def test_it_cannot_write_with_its_database_role(alice: User) -> None:
    rows = User.objects.using("viewer").filter(pk=alice.pk)
    for write in (
        lambda: rows.update(is_staff=True),
        rows.delete,
        lambda: User(email="x@example.com").save(using="viewer"),
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), operator_view():
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
def test_it_cannot_read_secrets_with_its_database_role(alice: User, read: Callable[[], QuerySet]) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), operator_view():
        list(read().using("viewer"))


@pytest.mark.parametrize(
    "guess", ["password__startswith=a", "link_id__gt=0", "groups__name=x", "id__in=1,2&password=x"]
)
def test_it_rejects_filters_by_hidden_fields(operator: Client, guess: str) -> None:
    assert operator.get(f"{reverse('admin:accounts_user_changelist')}?{guess}").status_code == 400


def test_it_filters_by_user(operator: Client, root: User, alice: User, authenticator_app: AuthenticatorApp) -> None:
    page = operator.get(reverse("admin:mfa_authenticator_changelist"), {"user_id": alice.pk}).content.decode()
    assert str(alice.pk) in page
    assert str(root.pk) not in page


def test_it_filters_trails_by_action(operator: Client, root: User) -> None:
    url = reverse("admin:compliance_auditevent_changelist")
    events = operator.get(url, {"subject": root.pk, "action": "user_login"}).context["cl"].result_list
    assert [event.action for event in events] == ["user_login"]


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
    url = reverse(f"admin:{name}_changelist")
    assert operator.get(f"{url}?{query}").status_code == 400
    assert operator.get(f"{url}%00/change/").status_code in (400, 404)


@pytest.mark.parametrize(
    "query",
    ["email__regex=(", "email__iregex=(a%2B)%2B$", "email__gt=a", "id__in=x", "created_at__date=x", "id=x", "p=-1",
     "p=9999999999999999999", "o=99.x", "is_active__exact=x", "id__isnull=x", "email__search=x"],
)  # fmt: skip
def test_it_responds_with_a_page_to_any_other_filter(operator: Client, query: str) -> None:
    assert operator.get(f"{reverse('admin:accounts_user_changelist')}?{query}").status_code in (200, 302, 400)


def test_it_registers_only_our_own_admin_classes() -> None:
    assert all(isinstance(model_admin, OperatorAdmin) for model_admin in admin.site._registry.values())
    assert "django_celery_beat" not in {model._meta.app_label for model in admin.site._registry}


def test_it_uses_the_sites_pages_for_passwords_and_sign_out(operator: Client) -> None:
    assert operator.get(reverse("admin:password_change")).url == reverse("account_change_password")
    assert operator.post(reverse("admin:logout")).status_code == 302
    assert operator.get("/operators/").status_code == 302


def test_it_allows_only_its_own_scripts(operator: Client) -> None:
    policy = operator.get("/operators/").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'" not in operator.get(reverse("security")).headers["Content-Security-Policy"]


def test_it_lists_the_deletions_of_all_users_and_records_the_view_for_each(
    operator: Client, alice: User, mallory: User, trail: Callable[[UUID], list[str]]
) -> None:
    requests.request_deletion(user=alice)
    requests.request_deletion(user=mallory)
    requests.cancel_deletion(owner_id=mallory.pk)
    page = operator.get(reverse("admin:accounts_scheduleddeletion_changelist")).content.decode()
    assert str(alice.pk) in page
    assert str(mallory.pk) not in page
    assert (trail(alice.pk)[-1], trail(mallory.pk)[-1]) == ("operator_view", "deletion_canceled")


def test_it_counts_consents_without_naming_a_user(operator: Client, alice: User, root: User) -> None:
    page = operator.get(reverse("admin:consent_counts")).content.decode()
    assert f"<td>{current_version('privacy_notice').version}</td>" in page
    assert alice.email not in page
    assert str(alice.pk) not in page
