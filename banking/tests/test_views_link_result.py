"""The result of the dialog, which the browser posts: it is checked, exchanged once, and stored as an Item."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.linking.sessions import open_link
from banking.models import Item, LinkSession
from banking.provider import ProviderError, PublicTokenRefused, Unavailable
from banking.sync import sync_queue
from banking.tests.factories import make_account
from banking.tests.job_queue import queued_jobs
from banking.tests.link_dialog import METADATA, OUTAGES, TOKEN, list_items, post_public_token, reload_session
from banking.tests.scripted_provider import ScriptedProvider, link_result
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(alice: User, provider: ScriptedProvider) -> LinkSession:
    """An open link session of Alice's."""
    return open_link(user=alice).session


def test_it_stores_the_item_and_queues_its_import(as_alice: Client, alice: User, session: LinkSession) -> None:
    response = post_public_token(as_alice, session)
    (item,) = list_items(alice)
    assert (response.status_code, response.url) == (302, reverse("importing", args=[item.pk]))
    assert item.institution_name == "First Platypus Bank"
    assert [job.arguments for job in queued_jobs(item.pk)] == [[str(alice.pk), str(item.pk), "link"]]


def test_it_links_once_for_a_repeated_request(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    assert post_public_token(as_alice, session).url == post_public_token(as_alice, session).url
    assert (len(list_items(alice)), provider.exchanged_tokens) == (1, [TOKEN])


def test_it_rejects_a_second_token_for_a_session(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    post_public_token(as_alice, session)
    response = post_public_token(as_alice, session, token="public-sandbox-2")
    assert response.status_code == 409
    assert "already finished" in page_text(response)
    assert (len(list_items(alice)), provider.exchanged_tokens) == (1, [TOKEN])


def test_it_responds_with_404_for_another_users_session(
    as_mallory: Client, mallory: User, alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    assert post_public_token(as_mallory, session).status_code == 404
    assert (provider.exchanged_tokens, list_items(mallory)) == ([], [])
    assert reload_session(alice, session).state == LinkSession.State.OPEN


def test_it_rejects_a_token_that_another_user_has_posted(
    as_alice: Client, as_mallory: Client, mallory: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    post_public_token(as_alice, session)
    opened = open_link(user=mallory)
    provider.link_results = {opened.token.value: [link_result("public-sandbox-9")]}
    assert post_public_token(as_mallory, opened.session).status_code == 409
    assert (provider.exchanged_tokens, list_items(mallory)) == ([TOKEN], [])


def test_it_responds_with_404_for_an_unknown_session(as_alice: Client, provider: ScriptedProvider) -> None:
    assert post_public_token(as_alice, LinkSession(pk=uuid4())).status_code == 404
    assert provider.exchanged_tokens == []


def test_it_rejects_an_expired_session(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    response = post_public_token(as_alice, session)
    assert response.status_code == 409
    assert "Start again" in page_text(response)
    assert provider.exchanged_tokens == []


def test_it_tells_the_user_that_the_public_token_expired(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    provider.credential = PublicTokenRefused("INVALID_PUBLIC_TOKEN", request_id="req-secret")
    response = post_public_token(as_alice, session)
    assert response.status_code == 409
    assert "expired or was already used" in page_text(response)
    assert "INVALID_PUBLIC_TOKEN" not in page_text(response)
    assert list_items(alice) == []


@pytest.mark.parametrize("error", OUTAGES[:3], ids=lambda error: type(error).__name__)
def test_it_accepts_the_token_again_after_an_outage(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider, error: ProviderError
) -> None:
    credential, provider.credential = provider.credential, error
    response = post_public_token(as_alice, session)
    assert response.status_code == 409
    # After a lost response, the Item may exist at the provider.
    assert ("We check again" if type(error) is Unavailable else "Try again in a") in page_text(response)
    assert error.code not in page_text(response)
    provider.credential = credential
    assert post_public_token(as_alice, session).status_code == 302
    assert len(list_items(alice)) == 1


@pytest.mark.django_db(transaction=True)
def test_it_links_if_the_queue_is_unavailable(
    as_alice: Client, alice: User, session: LinkSession, queue_down: None
) -> None:
    assert post_public_token(as_alice, session).status_code == 302
    (item,) = list_items(alice)
    assert [claimed.item_id for claimed in sync_queue.claim_due_syncs(limit=9)] == [item.pk]


def test_it_removes_the_item_at_the_provider_if_it_cannot_be_stored(
    alice: User, session: LinkSession, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise ValueError("no key to seal with")

    monkeypatch.setattr("banking.linking.exchange.record", fail)
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    assert post_public_token(client, session).status_code == 500
    assert provider.removed_tokens == ["access-sandbox-secret"]
    assert list_items(alice) == []


def test_it_links_to_a_bank_that_is_already_connected(
    as_alice: Client, item: Item, session: LinkSession, provider: ScriptedProvider
) -> None:
    make_account(item, name="Checking", mask="0000")
    response = post_public_token(as_alice, session)
    assert response.status_code == 409
    assert "already connected" in page_text(response)
    assert reverse("item", args=[item.pk]) in page_text(response)
    assert provider.exchanged_tokens == []


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "{}",
        {"institution": None, "accounts": None},
        {"institution": {"institution_id": None, "name": None}, "accounts": [{"name": None, "mask": None}, {}]},
        {"institution": {"institution_id": 7, "name": ["a"]}, "accounts": [{"name": {"a": 1}, "mask": 1.5}]},
        {"institution": {"institution_id": "ins_1\0", "name": "Plat\0ypus"}, "accounts": [{"name": "\0"}]},
        {"institution": {"institution_id": "\ud800", "name": "\udfffPlatypus"}, "accounts": [{"mask": "\ud800"}]},
        {"institution": {"institution_id": "i" * 9000, "name": "n" * 9000}, "accounts": [{"name": "n" * 9000}]},
        {"institution": {"name": "<script>alert(1)</script>"}, "unheard of": {"a": [1]}},
        '{"institution": {"institution_id": NaN, "name": Infinity}}',
        json.dumps({"accounts": [{"name": str(n), "mask": "0"} for n in range(1000)]}),
    ],
)
def test_it_links_with_unusual_metadata(as_alice: Client, alice: User, session: LinkSession, metadata: object) -> None:
    response = post_public_token(as_alice, session, metadata=metadata)
    assert response.status_code == 302
    assert "<script>alert" not in as_alice.get(response.url).content.decode()
    (item,) = list_items(alice)
    assert len(item.institution_name) <= 200
    # A value that is not text is not converted.
    assert not {"[", "{"}.intersection(item.institution_name)


@pytest.mark.parametrize(
    "metadata",
    [
        "{",
        "[]",
        "[1]",
        "null",
        "true",
        "1",
        '"text"',
        "\x00",
        "{'institution': 1}",
        {"institution": "ins_1"},
        {"institution": [1]},
        {"accounts": "all"},
        {"accounts": {"a": 1}},
        {"institution": 0},
        {"institution": False},
        {"institution": ""},
        {"institution": []},
        {"accounts": 0},
        {"accounts": False},
        {"accounts": ""},
        {"accounts": {}},
        {"accounts": [1]},
        {"accounts": [{}, None]},
        '{"a": ' + "9" * 5000 + "}",
        "[" * 40_000,
        '{"a":' * 9_000,
        '{"a": "' + "b" * 50_000 + '"}',
    ],
    ids=lambda metadata: str(metadata)[:20],
)
def test_it_rejects_unreadable_metadata(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider, metadata: object
) -> None:
    response = post_public_token(as_alice, session, metadata=metadata)
    assert response.status_code == 422
    assert "couldn't read" in page_text(response)
    assert (provider.exchanged_tokens, reload_session(alice, session).state) == ([], LinkSession.State.OPEN)


@pytest.mark.parametrize("token", ["", "p" * 201, "public\0"])
def test_it_rejects_an_invalid_public_token(
    as_alice: Client, session: LinkSession, provider: ScriptedProvider, token: str
) -> None:
    assert post_public_token(as_alice, session, token=token).status_code == 422
    assert provider.exchanged_tokens == []


def test_it_follows_the_expiry_of_the_link_token(as_alice: Client, alice: User, session: LinkSession) -> None:
    with time_machine.travel(datetime(2099, 1, 1, 0, 0, 1, tzinfo=UTC)):
        client = Client()
        client.force_login(alice)
        assert post_public_token(client, session).status_code == 409


def test_it_stores_the_link_session_id(as_alice: Client, alice: User, session: LinkSession) -> None:
    post_public_token(as_alice, session, metadata=METADATA | {"link_session_id": "43face8b"})
    with tenant(alice.pk):
        session.refresh_from_db()
    assert session.link_session_id == "43face8b"


def test_it_tells_the_user_that_it_checks_again(
    as_alice: Client, session: LinkSession, provider: ScriptedProvider
) -> None:
    provider.credential = Unavailable("TIMEOUT")
    page = page_text(post_public_token(as_alice, session))
    assert "Not connected yet" in page
    assert "We check again" in page
    assert "Try again" not in page
