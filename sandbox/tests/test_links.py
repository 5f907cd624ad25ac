"""Link sessions, step by step."""

import pytest

from sandbox.bank import items, links
from sandbox.bank.links import LinkError, Session
from sandbox.context import AppContext
from sandbox.errors import PlaidError
from sandbox.personas import PASSWORD
from sandbox.tests.sandbox_client import SandboxClient
from sandbox.webhooks import outbox


@pytest.fixture(scope="module")
def context(plaid: SandboxClient) -> AppContext:
    return plaid.context


TOKEN_FIELDS = {
    "client_name": "Plumbline",
    "language": "en",
    "country_codes": ["US"],
    "user": {"client_user_id": "1"},
    "products": ["transactions"],
}


def link_token(plaid: SandboxClient, **fields: object) -> str:
    return plaid.ok("/link/token/create", **{**TOKEN_FIELDS, **fields})["link_token"]


def update_token(plaid: SandboxClient, access_token: str, **fields: object) -> str:
    defaults = {name: value for name, value in TOKEN_FIELDS.items() if name != "products"}
    return plaid.ok("/link/token/create", **defaults, access_token=access_token, **fields)["link_token"]


def sign_in(plaid: SandboxClient, token: str, username: str = "user_good", password: str = PASSWORD) -> Session:
    context = plaid.context
    session = links.open_session(context, link_token=token)
    if session.step == "institution":
        session = links.choose_institution(context, session=session, institution_id="ins_109508")
    return links.submit_credentials(context, session=session, username=username, password=password)


def exchange(plaid: SandboxClient, success: links.Success) -> dict[str, str]:
    return plaid.ok("/item/public_token/exchange", public_token=success.public_token)


def test_it_shares_the_accounts_that_the_user_chose(plaid: SandboxClient, context: AppContext) -> None:
    session = sign_in(plaid, link_token(plaid))
    chosen = [choice for choice in session.choices if choice.mask in ("0000", "3333")]
    success = links.finish(context, session=session, account_ids=[choice.id for choice in chosen])
    linked = exchange(plaid, success)
    accounts = plaid.ok("/accounts/get", access_token=linked["access_token"])["accounts"]
    assert [account["account_id"] for account in accounts] == [choice.id for choice in chosen]
    assert success.metadata["institution"] == {"name": "First Platypus Bank", "institution_id": "ins_109508"}
    assert [account["mask"] for account in success.metadata["accounts"]] == ["0000", "3333"]
    rows, _ = plaid.sync(linked["access_token"])
    assert {row["account_id"] for row in rows.values()} == {choice.id for choice in chosen}


def test_it_stores_the_session_after_each_step(plaid: SandboxClient, context: AppContext) -> None:
    token = link_token(plaid)
    session = sign_in(plaid, token)
    assert links.get_session(context, link_token=token, session_id=session.id) == session


def test_it_delivers_the_requested_days_of_history(plaid: SandboxClient, context: AppContext) -> None:
    session = sign_in(plaid, link_token(plaid, transactions={"days_requested": 45}))
    success = links.finish(context, session=session, account_ids=[choice.id for choice in session.choices])
    rows, _ = plaid.sync(exchange(plaid, success)["access_token"])
    ages = [(context.clock.today() - context.clock.today().fromisoformat(row["date"])).days for row in rows.values()]
    assert 30 < max(ages) <= 45


def test_it_refuses_an_unknown_or_expired_token(own_plaid: SandboxClient) -> None:
    token = link_token(own_plaid)
    session = links.open_session(own_plaid.context, link_token=token)
    own_plaid.admin("POST", "clock", {"advance_hours": 4})
    for attempt in (
        lambda: links.open_session(own_plaid.context, link_token=token),
        lambda: links.open_session(own_plaid.context, link_token="link-sandbox-nobody"),
        lambda: links.get_session(own_plaid.context, link_token=token, session_id=session.id),
    ):
        with pytest.raises(LinkError, match="INVALID_LINK_TOKEN"):
            attempt()


def test_it_refuses_the_session_of_another_token(plaid: SandboxClient, context: AppContext) -> None:
    session = sign_in(plaid, link_token(plaid))
    with pytest.raises(LinkError, match="INVALID_LINK_TOKEN"):
        links.get_session(context, link_token=link_token(plaid), session_id=session.id)


def test_it_stays_at_the_credentials_after_an_error(plaid: SandboxClient, context: AppContext) -> None:
    token = link_token(plaid)
    session = links.open_session(context, link_token=token)
    session = links.choose_institution(context, session=session, institution_id="ins_109508")
    with pytest.raises(LinkError, match="ITEM_LOCKED") as refusal:
        links.submit_credentials(context, session=session, username="user_good", password="error_ITEM_LOCKED")
    assert refusal.value.display
    assert links.get_session(context, link_token=token, session_id=session.id).step == "credentials"


def test_it_fails_the_sign_in_at_a_bank_that_is_down(plaid: SandboxClient, context: AppContext) -> None:
    session = links.open_session(context, link_token=link_token(plaid))
    session = links.choose_institution(context, session=session, institution_id="ins_132361")
    with pytest.raises(LinkError, match="INSTITUTION_DOWN"):
        links.submit_credentials(context, session=session, username="user_good", password="pass_good")


def test_it_asks_for_a_second_factor_round_by_round(plaid: SandboxClient, context: AppContext) -> None:
    session = sign_in(plaid, link_token(plaid), password="mfa_device")
    assert session.step == "mfa"
    assert session.challenge
    session = links.answer_challenge(context, session=session, answers=[session.challenge.prompts[0].options[0]])
    with pytest.raises(LinkError, match="INVALID_MFA"):
        links.answer_challenge(context, session=session, answers=["0000"])
    assert links.answer_challenge(context, session=session, answers=["1234"]).step == "accounts"


def test_it_refuses_accounts_that_were_not_offered_and_an_empty_selection(
    plaid: SandboxClient, context: AppContext
) -> None:
    session = sign_in(plaid, link_token(plaid))
    with pytest.raises(LinkError, match="INVALID_ACCOUNT_ID"):
        links.finish(context, session=session, account_ids=["somebody-elses"])
    with pytest.raises(LinkError, match="NO_ACCOUNTS"):
        links.finish(context, session=session, account_ids=[])


def test_it_does_not_skip_steps(plaid: SandboxClient, context: AppContext) -> None:
    session = links.open_session(context, link_token=link_token(plaid))
    with pytest.raises(LinkError):
        links.finish(context, session=session, account_ids=[])
    done = sign_in(plaid, link_token(plaid))
    links.finish(context, session=done, account_ids=[done.choices[0].id])
    again = links.get_session(context, link_token=done.link_token.token, session_id=done.id)
    with pytest.raises(LinkError):
        links.finish(context, session=again, account_ids=[done.choices[0].id])


def test_it_finds_only_banks_with_the_requested_country_and_products(plaid: SandboxClient, context: AppContext) -> None:
    session = links.open_session(context, link_token=link_token(plaid))
    names = [bank.name for bank in links.search_institutions(context, session=session, query="PLAT")]
    assert names[0] == "Platypus OAuth Bank"
    assert "First Platypus Bank" in names
    assert links.search_institutions(context, session=session, query="tartan-dom") == []
    assert len(links.search_institutions(context, session=session)) > 40


def test_it_starts_at_the_preset_bank(plaid: SandboxClient, context: AppContext) -> None:
    session = links.open_session(context, link_token=link_token(plaid, institution_id="ins_109511"))
    assert (session.step, session.institution_id) == ("credentials", "ins_109511")


def test_it_exchanges_a_public_token_once_and_within_half_an_hour(own_plaid: SandboxClient) -> None:
    path = "/item/public_token/exchange"
    made = own_plaid.ok("/sandbox/public_token/create", institution_id="ins_109508", initial_products=["transactions"])
    late = own_plaid.ok("/sandbox/public_token/create", institution_id="ins_109508", initial_products=["transactions"])
    assert own_plaid.ok(path, public_token=made["public_token"])
    assert own_plaid.expect_error(path, public_token=made["public_token"]) == "INVALID_PUBLIC_TOKEN"
    own_plaid.admin("POST", "clock", {"advance_seconds": 1801})
    assert own_plaid.expect_error(path, public_token=late["public_token"]) == "INVALID_PUBLIC_TOKEN"


def test_it_gives_a_second_item_the_same_data_with_new_ids(plaid: SandboxClient) -> None:
    first, second = plaid.link("user_living"), plaid.link("user_living")
    one, two = plaid.ledger(first["item_id"]), plaid.ledger(second["item_id"])
    assert [a["mask"] for a in one["accounts"]] == [a["mask"] for a in two["accounts"]]
    assert [row["amount"] for row in one["transactions"]] == [row["amount"] for row in two["transactions"]]
    assert not {a["account_id"] for a in one["accounts"]} & {a["account_id"] for a in two["accounts"]}
    assert not ids(one) & ids(two)


def ids(ledger: dict[str, list[dict[str, str]]]) -> set[str]:
    return {row["transaction_id"] for row in ledger["transactions"]}


def test_it_repairs_an_item_and_keeps_its_token(plaid: SandboxClient, context: AppContext) -> None:
    linked = plaid.link()
    access = {"access_token": linked["access_token"]}
    plaid.ok("/sandbox/item/reset_login", **access)
    assert plaid.expect_error("/transactions/sync", **access) == "ITEM_LOGIN_REQUIRED"
    session = sign_in(plaid, update_token(plaid, linked["access_token"]))
    assert session.is_update
    success = links.finish(context, session=session, account_ids=[])
    assert len(success.metadata["accounts"]) == 12
    assert plaid.ok("/item/get", **access)["item"]["error"] is None
    assert plaid.ok("/transactions/sync", **access)["added"]


def test_it_keeps_the_error_after_a_failed_repair(plaid: SandboxClient) -> None:
    access = {"access_token": plaid.link()["access_token"]}
    plaid.ok("/sandbox/item/reset_login", **access)
    with pytest.raises(LinkError):
        sign_in(plaid, update_token(plaid, access["access_token"]), password="wrong")
    assert plaid.expect_error("/accounts/get", **access) == "ITEM_LOGIN_REQUIRED"


def test_it_changes_the_shared_accounts_of_an_item(plaid: SandboxClient, context: AppContext) -> None:
    linked = plaid.link("user_living", transactions={"days_requested": 730})
    _, cursor = plaid.sync(linked["access_token"])
    selection = {"update": {"account_selection_enabled": True}}
    session = sign_in(plaid, update_token(plaid, linked["access_token"], **selection), "user_living")
    assert all(choice.ticked for choice in session.choices)
    kept = [choice.id for choice in session.choices if choice.mask != "4471"]
    links.finish(context, session=session, account_ids=kept)
    shown = plaid.ok("/accounts/get", access_token=linked["access_token"])["accounts"]
    assert [account["account_id"] for account in shown] == kept

    session = sign_in(plaid, update_token(plaid, linked["access_token"], **selection), "user_living")
    back = next(choice for choice in session.choices if choice.mask == "4471")
    assert not back.ticked
    links.finish(context, session=session, account_ids=[choice.id for choice in session.choices])
    shown = plaid.ok("/accounts/get", access_token=linked["access_token"])["accounts"]
    assert {account["account_id"] for account in shown} == {*kept, back.id}
    news, _ = plaid.sync(linked["access_token"], cursor)
    assert {row["account_id"] for row in news.values()} == {back.id}


def test_it_opens_no_update_for_a_removed_item(plaid: SandboxClient, context: AppContext) -> None:
    access_token = plaid.link()["access_token"]
    token = update_token(plaid, access_token)
    plaid.ok("/item/remove", access_token=access_token)
    with pytest.raises(LinkError, match="INVALID_LINK_TOKEN"):
        links.open_session(context, link_token=token)


def test_it_records_that_the_user_left(plaid: SandboxClient, context: AppContext) -> None:
    token = link_token(plaid)
    session = links.open_session(context, link_token=token)
    links.leave(context, session=session, status="requires_credentials")
    link_session = plaid.ok("/link/token/get", link_token=token)["link_sessions"][0]
    assert link_session["exit"] == {"error": None, "metadata": {"status": "requires_credentials"}}
    assert "results" not in link_session


def test_it_creates_no_item_if_the_last_step_fails(plaid: SandboxClient, context: AppContext) -> None:
    session = sign_in(plaid, link_token(plaid))
    with pytest.raises(LinkError):
        links.finish(context, session=session, account_ids=["nothing"])
    with pytest.raises(PlaidError, match="ITEM_NOT_FOUND"):
        items.get(context, session.item_id)
    assert not [message for message in outbox.messages(context) if message["item_id"] == session.item_id]


def test_it_keeps_the_access_token_after_an_update(plaid: SandboxClient, context: AppContext) -> None:
    linked = plaid.link()
    session = sign_in(plaid, update_token(plaid, linked["access_token"]))
    assert (
        exchange(plaid, links.finish(context, session=session, account_ids=[]))["access_token"]
        == linked["access_token"]
    )


def test_it_offers_only_accounts_that_match_the_filters(plaid: SandboxClient) -> None:
    filters = {"depository": {"account_subtypes": ["checking"]}, "credit": {"account_subtypes": ["all"]}}
    session = sign_in(plaid, link_token(plaid, account_filters=filters))
    assert [choice.mask for choice in session.choices] == ["0000", "3333", "9999"]


def test_it_adds_the_optional_products_that_the_bank_supports(plaid: SandboxClient, context: AppContext) -> None:
    products = {"optional_products": ["liabilities"], "additional_consented_products": ["investments"]}
    session = sign_in(plaid, link_token(plaid, **products))
    linked = exchange(plaid, links.finish(context, session=session, account_ids=[session.choices[0].id]))
    item = plaid.ok("/item/get", access_token=linked["access_token"])["item"]
    assert item["billed_products"] == ["transactions", "liabilities"]
    assert item["consented_products"] == ["investments", "liabilities", "transactions"]


@pytest.mark.parametrize("field", [{"access_tokens": ["x"]}, {"enable_multi_item_link": True}])
def test_it_refuses_features_that_it_does_not_support(plaid: SandboxClient, field: dict[str, object]) -> None:
    assert plaid.expect_error("/link/token/create", **TOKEN_FIELDS, **field) == "INVALID_FIELD"


def test_it_keeps_the_persistent_id_of_an_account_in_every_item(plaid: SandboxClient) -> None:
    def persistent(linked: dict[str, str]) -> list[str]:
        shown = plaid.ok("/accounts/get", access_token=linked["access_token"])["accounts"]
        return [account["persistent_account_id"] for account in shown]

    first, second = persistent(plaid.link("user_living")), persistent(plaid.link("user_living"))
    assert first == second
    assert len(set(first)) == 4
