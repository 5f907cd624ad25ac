"""The pages that open for users who do not agree to a changed text: to read, withdraw, take their data and leave."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from accounts.agreements.middleware import ALLOWED_WITHOUT_AGREEMENT
from accounts.models import User
from banking.linking import data_consent
from banking.models import Item
from banking.providers import provider_for
from banking.urls import urlpatterns as banking_patterns
from compliance.consent import Purpose, get_active_consent, grant, withdraw
from compliance.consent.legal_texts import current_consent_text
from compliance.isolation import tenant
from compliance.retention.models import RetentionSetting
from config.tests.owned_objects import OwnedObjects, get_url
from config.tests.routes import ROUTE_NAMES
from conftest import make_signed_in_client
from credit.tests.pull_steps import give_consent
from credit.urls import urlpatterns as credit_patterns
from ui.tests.page_text import visible_text

pytestmark = [pytest.mark.django_db(transaction=True)]

OPEN_PAGES = (
    "privacy", "consents", "consent_text", "withdraw_bank_data", "credit_withdraw", "disconnect", "retention",
    "change_retention", "activity", "activity_csv", "data_accesses", "exports", "delete_account",
)  # fmt: skip


@pytest.fixture
def client(alice: User, owned_objects: OwnedObjects, with_second_factor: Callable[..., Client]) -> Client:
    """Alice's, who owns one of each, has just entered a code, and has not agreed to the terms in force."""
    data_consent.agree(user=alice, provider=provider_for(owned_objects.item.provider))
    give_consent(alice)
    withdraw(user=alice, purpose=Purpose.TERMS)
    return with_second_factor(make_signed_in_client(alice), alice)


@pytest.mark.parametrize("name", OPEN_PAGES)
def test_it_opens_the_pages_on_which_users_see_and_withdraw(
    client: Client, owned_objects: OwnedObjects, name: str
) -> None:
    assert client.get(get_url(name, owned_objects)).status_code == 200


def test_it_opens_no_other_page(client: Client, owned_objects: OwnedObjects) -> None:
    names = [name for name in ROUTE_NAMES if name not in ALLOWED_WITHOUT_AGREEMENT]
    answers = {name: client.get(get_url(name, owned_objects)).headers.get("Location", "") for name in names}
    assert {name for name, url in answers.items() if not url.startswith(reverse("agree"))} == set()


def test_of_bank_and_credit_pages_it_opens_only_those_that_withdraw() -> None:
    names = {str(pattern.name) for pattern in [*banking_patterns, *credit_patterns]}
    assert names & ALLOWED_WITHOUT_AGREEMENT == {"withdraw_bank_data", "disconnect", "credit_withdraw"}


def test_it_lets_users_withdraw_every_consent(client: Client, alice: User) -> None:
    grant(user=alice, consent_text=current_consent_text(Purpose.MARKETING))
    client.post(reverse("change_consent", args=["marketing"]), {"action": "withdraw"})
    client.post(reverse("withdraw_bank_data"), {"history": "delete"})
    client.post(reverse("credit_withdraw"))
    for purpose in (Purpose.MARKETING, Purpose.BANK_DATA, Purpose.CREDIT_REPORT):
        assert get_active_consent(user_id=alice.pk, purpose=purpose) is None, purpose
    assert not data_consent.is_consent_active(alice)


def test_it_lets_users_disconnect_a_bank(client: Client, alice: User, owned_objects: OwnedObjects) -> None:
    before = owned_objects.item.connection
    client.post(get_url("disconnect", owned_objects), {"history": "keep"})
    with tenant(alice.pk):
        assert Item.objects.get(pk=owned_objects.item.pk).connection != before


def test_it_lets_users_choose_how_long_their_data_stay(client: Client, alice: User) -> None:
    client.post(reverse("change_retention", args=["transactions"]), {"period": "90"})
    with tenant(alice.pk):
        assert RetentionSetting.objects.get(data_type="transactions").days_to_retain == 90


def test_the_page_that_asks_says_so(client: Client) -> None:
    response = client.get(reverse("agree"))
    sentence = "Without agreeing, you can still withdraw your consents, export your data, or delete your account."
    assert sentence in visible_text(response).replace(" ,", ",").replace(" .", ".")
    for name in ("consents", "exports", "delete_account"):
        assert f'href="{escape(reverse(name))}"' in response.content.decode()
