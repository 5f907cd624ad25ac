"""The operators' site: every page of every registered model, and the secrets that no page may contain."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.hashers import make_password
from django.db import connections
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import DeletionRequest, User
from accounts.operators.admin import OperatorAdmin
from accounts.tests.passkeys import add_passkey
from accounts.tests.totp import SECRET, add_authenticator_app, add_recovery_codes
from banking.linking.disconnecting import disconnect_bank
from banking.linking.sessions import open_link
from banking.models import Item, ItemProduct, PendingRemoval, ProviderCallCount, SyncRun, UnstoredRow
from banking.tests.factories import make_account, make_transaction
from banking.tests.received_webhooks import receive
from banking.tests.scripted_provider import ScriptedProvider
from compliance.audit import Action, record
from compliance.export.data_export import DataExport, ExportState
from compliance.isolation import tenant
from config.models import PolicyViolation
from config.tests.pseudo_locale import find_untranslated_words, pseudo_locale
from credit.models import Enrollment, PullAttempt
from insights.tests.factories import make_check
from ui.tests.accessibility import list_violations

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "viewer"])

PASSWORD = "correct horse battery staple"
ADMINS = list(admin.site._registry.values())
# The columns that the operators' role may read.
GRANTS = """
    SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
       AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege('app_viewer', c.oid, a.attnum, 'SELECT')
"""
# Of bytes, PostgreSQL prints the hexadecimal form, and so would a page.
STORED_SECRETS = """
    SELECT encode(access_token, 'hex') FROM banking_item UNION ALL
    SELECT encode(access_token, 'hex') FROM banking_pendingremoval UNION ALL
    SELECT encode(wrapped, 'hex') FROM compliance_datakey UNION ALL
    SELECT encode(payload, 'hex') FROM audit_event UNION ALL
    SELECT session_key FROM django_session UNION ALL
    SELECT session_key FROM usersessions_usersession UNION ALL
    SELECT password FROM accounts_user UNION ALL
    SELECT link_id::text FROM accounts_user UNION ALL
    SELECT data::text FROM mfa_authenticator UNION ALL
    SELECT link_token_hash FROM banking_linksession UNION ALL
    SELECT provider_item_id FROM banking_item UNION ALL
    SELECT cursor FROM banking_item UNION ALL
    SELECT provider_id FROM banking_account UNION ALL
    SELECT provider_id FROM banking_transaction UNION ALL
    SELECT note FROM banking_transaction UNION ALL
    SELECT encode(identity, 'hex') FROM credit_enrollment UNION ALL
    SELECT encode(ssn, 'hex') FROM credit_enrollment UNION ALL
    SELECT encode(file_key, 'hex') FROM compliance_dataexport UNION ALL
    SELECT download_hash FROM compliance_dataexport
"""
CLEAR_TEXT_SECRETS = {
    "access-sandbox-canary",
    "link-sandbox-1",
    "canary-identity",
    "canary-number",
    "canary-file-key",
    SECRET,
}


@pytest.fixture
def secrets(
    alice: User,
    as_alice: Client,
    recovery_codes: list[str],
    make_item: Callable[..., Item],
    provider: ScriptedProvider,
    as_operator: Callable[..., list[tuple[str]]],
) -> set[str]:
    """Create rows with every kind of secret, and return the secrets, both encrypted and in clear text."""
    item = make_item(
        alice, cursor="canary-cursor", provider_item_id="canary-item", access_token="access-sandbox-canary"
    )
    account = make_account(item, provider_id="canary-account")
    make_transaction(account, "-4.33", provider_id="canary-transaction", note="canary-note")
    with tenant(alice.pk):
        SyncRun.objects.create(owner=alice, item=item, trigger="clock")
        ItemProduct.objects.create(owner=alice, item=item, product="liabilities")
        UnstoredRow.objects.create(
            owner=alice, item=item, kind="transaction", reason="invalid_field", field="amount",
            provider_id="canary-unstored",
        )  # fmt: skip
    receive(item)
    disconnected = make_item(alice, provider_item_id="canary-gone")
    disconnect_bank(user=alice, item_id=disconnected.pk, keep_history=True)
    open_link(user=alice)
    UserSession.objects.create(
        user=alice, ip="192.0.2.7", user_agent="Firefox", session_key=as_alice.session.session_key
    )
    with tenant(alice.pk):
        Enrollment.objects.create(owner=alice, pull_day=1, identity="canary-identity", ssn="canary-number")
        PullAttempt.objects.create(owner=alice, trigger="scheduled", reference_id="r1", consent_id=alice.pk)
        PendingRemoval.objects.update(attempts=1)
        make_check(account)
        DeletionRequest.objects.create(owner=alice, due_at=timezone.now())
        DataExport.objects.create(
            owner=alice, state=ExportState.FAILED, error_code="STORAGE", finished_at=timezone.now()
        )
        DataExport.objects.create(
            owner=alice,
            state=ExportState.READY,
            file_key="canary-file-key",
            download_hash="canary-download-hash",
            size=1,
            finished_at=timezone.now(),
            expires_at=timezone.now(),
        )
    now = timezone.now()
    ProviderCallCount.objects.create(provider="plaid", environment="embedded", day=now, endpoint="item_get", calls=3)
    PolicyViolation.objects.create(day=now, directive="script-src", page="/", first_at=now, last_at=now)
    stored = {text for (text,) in as_operator(STORED_SECRETS) if text}
    return stored | CLEAR_TEXT_SECRETS | set(recovery_codes)


@pytest.fixture
def make_item(make_item: Callable[..., Item]) -> Callable[..., Item]:
    """Make an Item with an access token of the test's choice."""

    def make(owner: User, *, access_token: str = "", **columns: object) -> Item:
        item = make_item(owner, **columns)
        if access_token:
            with tenant(owner.pk):
                item.access_token = access_token
                item.save()
        return item

    return make


@pytest.fixture
def recovery_codes(alice: User, with_second_factor: Callable[..., Client], as_alice: Client) -> list[str]:
    """Give Alice a password, an authenticator app, a passkey and recovery codes, and return the codes."""
    User.objects.filter(pk=alice.pk).update(password=make_password("canary password"))
    with_second_factor(as_alice, alice)
    add_passkey(alice)
    return add_recovery_codes(alice)


def list_urls(model_admin: OperatorAdmin, client: Client) -> Iterator[str]:
    """Yield the URLs of a model's list and of each row that it links."""
    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    changelist = reverse(f"{name}_changelist")
    yield changelist
    for row in client.get(changelist).context["cl"].result_list:
        try:
            yield reverse(f"{name}_change", args=[row.pk])
        except NoReverseMatch:
            assert not model_admin.fields


@pytest.mark.parametrize("model_admin", ADMINS, ids=str)
def test_it_shows_no_secret(as_root: Client, alice: User, secrets: set[str], model_admin: OperatorAdmin) -> None:
    reason = {"reason": "A test that opens every page."}
    as_root.post(reverse("admin:break_glass", args=[alice.pk]), reason)
    urls = list(list_urls(model_admin, as_root))
    assert len(urls) > (1 if model_admin.fields else 0)
    for url in urls:
        page = as_root.get(url)
        assert page.status_code == 200
        text = page.content.decode()
        assert not [secret for secret in secrets if secret in text], url
    assert len(as_root.get(urls[0]).context["cl"].result_list) > 0


def test_it_stores_every_kind_of_secret_for_these_tests(secrets: set[str]) -> None:
    assert len(secrets) >= 30
    assert not {secret for secret in secrets if len(secret) < 6}


def test_it_lets_its_role_read_only_the_shown_columns(as_operator: Callable[..., list[tuple[str, str]]]) -> None:
    shown_columns = {
        (model_admin.opts.db_table, model_admin.opts.get_field(name).column)
        for model_admin in ADMINS
        for name in (*model_admin.columns(), *model_admin.search_fields)
    }
    assert set(as_operator(GRANTS)) == shown_columns


@pytest.mark.parametrize("model_admin", ADMINS, ids=str)
def test_it_grants_its_role_no_change(model_admin: OperatorAdmin) -> None:
    with connections["viewer"].cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('app_viewer', %s, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')"
            " OR has_any_column_privilege('app_viewer', %s, 'INSERT, UPDATE')",
            [model_admin.opts.db_table] * 2,
        )
        assert cursor.fetchone() == (False,)


@pytest.mark.parametrize("model_admin", ADMINS, ids=str)
def test_it_has_a_translated_label_for_the_access_log(model_admin: OperatorAdmin) -> None:
    assert bool(model_admin.data_label) == (model_admin.user_column is not None)
    with pseudo_locale():
        assert find_untranslated_words(str(model_admin.data_label)) == []
    assert not model_admin.needs_reason or model_admin.opts.app_label in ("banking", "compliance", "credit")


# --- In the browser ---------------------------------------------------------------------------------------


@pytest.fixture
def visit(page: Page, live_server: Any) -> Callable[[str], None]:
    def open_page(name: str, *args: object) -> None:
        page.goto(live_server.url + reverse(name, args=args))

    return open_page


@pytest.fixture
def operator(page: Page, visit: Callable[..., None], root: User) -> None:
    """Sign root in by password and code."""
    root.set_password(PASSWORD)
    root.save()
    authenticator_app = add_authenticator_app(root)
    visit("account_login")
    page.get_by_label("Email").fill(root.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code").fill(authenticator_app.code())
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Don't trust this browser").click()
    expect(page).to_have_title("Overview · Plumbline")


@pytest.mark.browser
def test_it_lets_an_operator_view_user_data_with_a_reason(
    page: Page, visit: Callable[..., None], operator: None, alice: User, secrets: set[str]
) -> None:
    visit("admin:index")
    page.get_by_role("link", name="Users").first.click()
    page.locator("#searchbar").fill("alice@")
    page.locator("#changelist-search input[type=submit]").click()
    page.get_by_role("link", name=alice.email).click()
    for name in ("Addresses", "Two-step verification", "Sessions", "Audit trail"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator("#result_list")).to_be_visible()
        page.go_back()
    page.get_by_role("link", name="Bank data", exact=True).click()
    page.get_by_label("Why do you need to view").fill("Ticket 4711: you asked why a payment is missing.")
    page.get_by_role("button", name="View bank and credit data").click()
    expect(page.get_by_text("You can view the bank and credit data of")).to_be_visible()
    page.get_by_role("link", name="Transactions").first.click()
    expect(page.locator("#result_list")).to_contain_text("STARBUCKS 123")
    visit("admin:banking_item_changelist")
    page.locator("#result_list a").first.click()
    expect(page.get_by_text("Institution name")).to_be_visible()
    page.get_by_role("button", name="Toggle theme").first.click()
    page.get_by_role("button", name="Log out").click()


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_shows_the_user_who_viewed_their_data(
    page: Page, visit: Callable[..., None], operator: None, root: User, scheme: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    visit("data_accesses")
    expect(
        page.get_by_text("No views in the last 365 days. They appear after an administrator views your data.")
    ).to_be_visible()
    violations = list_violations(page)
    record(Action.OPERATOR_VIEW, subject=root, actor=root, role="Support", what="banking.transaction", rows=["a"] * 12)
    record(Action.BREAK_GLASS, subject=root, actor=root, role="Support", reason="You asked about a payment.")
    visit("overview")
    page.locator("[data-menu] > summary").click()
    page.get_by_role("link", name="Privacy and data").click()
    page.get_by_role("link", name="Data access log").click()
    expect(page.get_by_text("viewed: Your transactions (12 rows)")).to_be_visible()
    expect(page.get_by_text("Reason: You asked about a payment.")).to_be_visible()
    assert violations + list_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
