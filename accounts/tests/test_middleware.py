"""Staff must have a second factor to use the site."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, sign_in
from accounts.tests.totp import AuthenticatorApp, add_authenticator_app, sign_in_with_code

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]


@pytest.fixture
def staff(alice: User) -> User:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    alice.refresh_from_db()
    return alice


@pytest.fixture
def without_factor(staff: User) -> Client:
    """The client of a staff user without a second factor, signed in with a password."""
    client = Client()
    sign_in(client, staff.email, PASSWORD)
    return client


@pytest.mark.parametrize("name", ["overview", "transactions", "connect", "accounts", "mfa_generate_recovery_codes"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_it_redirects_staff_without_a_second_factor_to_set_one_up(
    without_factor: Client, name: str, method: str
) -> None:
    response = getattr(without_factor, method)(reverse(name))
    assert (response.status_code, response.headers["Location"]) == (302, reverse("security"))
    assert "Set up two-step verification first" in without_factor.get(response.url).content.decode()


@pytest.mark.parametrize(
    "name", ["security", "account_change_password", "mfa_activate_totp", "mfa_add_webauthn", "help"]
)
def test_it_shows_staff_the_pages_to_set_up_a_second_factor(without_factor: Client, name: str) -> None:
    assert without_factor.get(reverse(name)).status_code == 200


def test_it_lets_staff_sign_out(without_factor: Client) -> None:
    without_factor.post(reverse("account_logout"))
    assert without_factor.get(reverse("security")).url.startswith(reverse("account_login"))


def test_it_lets_staff_with_a_second_factor_in(staff: User) -> None:
    authenticator_app: AuthenticatorApp = add_authenticator_app(staff)
    client = Client()
    sign_in_with_code(client, staff, PASSWORD, authenticator_app)
    assert is_signed_in(client)
    authenticator_app.factor.delete()
    assert not is_signed_in(client)


def test_it_requires_nothing_of_other_users(alice: User) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    assert is_signed_in(client)
