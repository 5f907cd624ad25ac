"""The page that leads to everything about a user's data."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from compliance.audit import Action, record
from compliance.audit.verification_results import verify_own_chain
from compliance.consent import Purpose, withdraw
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db


def get_page(client: Client) -> str:
    return client.get(reverse("privacy")).content.decode()


def test_it_leads_to_every_page_about_the_users_data(as_alice: Client) -> None:
    page = get_page(as_alice)
    for name in ("consents", "do_not_sell", "retention", "exports", "activity", "data_accesses", "delete_account"):
        assert f'href="{reverse(name)}"' in page, name


def test_it_lists_only_consents_that_are_in_force(as_alice: Client, alice: User) -> None:
    assert "<li>Terms of service</li>" in get_page(as_alice)
    assert "<li>Marketing email</li>" not in get_page(as_alice)
    withdraw(user=alice, purpose=Purpose.TERMS)
    assert "<li>Terms of service</li>" not in get_page(as_alice)


def test_it_shows_who_looked_at_the_data_last(as_alice: Client, alice: User, as_mallory: Client) -> None:
    assert "administrators' pages in the last 365 days." in get_page(as_alice)
    for number in range(5):
        record(Action.BREAK_GLASS, subject=alice, role="", reason=f"Reason number {number} of this test")
    page = get_page(as_alice)
    assert [number for number in range(5) if f"Reason number {number}" in page] == [2, 3, 4]
    assert "Reason number" not in get_page(as_mallory)


@pytest.mark.django_db(transaction=True)
def test_it_shows_the_last_verification_of_the_users_own_trail(as_alice: Client, alice: User) -> None:
    assert "Verified:" not in get_page(as_alice)
    with tenant(alice.pk):
        record(Action.USER_LOGIN, subject=alice)
    with tenant(alice.pk):
        verify_own_chain(alice.pk)
    assert "Verified:" in get_page(as_alice)
