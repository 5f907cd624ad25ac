"""One sealed value that cannot be read: its row says so, an operator is told, and every page and job goes on.

The columns are found, and so are the pages. A new one of either is walked from its first day.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.tests.totp import add_recovery_codes
from banking import tasks as banking_tasks
from banking.models import Connection, Item, LinkSession, PendingRemoval
from banking.tests.scripted_provider import ScriptedProvider
from compliance.audit import Action, record
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from compliance.vault.rotation import sealed_columns
from compliance.vault.secret import Sealed
from config.tests.owned_objects import Belongings, address
from config.tests.routes import NAMES
from config.tests.test_urls import describe_answer
from credit import tasks as credit_tasks
from credit.models import Enrollment
from credit.pulls import rebuilding
from credit.tests.factories import store_full_report
from credit.tests.pull_steps import give_consent

pytestmark = pytest.mark.django_db

COLUMNS = {f"{model._meta.label_lower}.{column.attname}": column for model, column in sealed_columns()}
AUDIT = "compliance.auditevent.payload"
SEEDS = "mfa.authenticator.data"
PAGES = [name for name in NAMES if not name.startswith("admin:") and name != "sandbox"]
# Signing in has pages enough of its own, which open seeds and nothing else that is sealed.
OF_SIGN_IN = ("account_", "mfa_")
# Opened by the job that ends an Item, and by no page.
IN_NO_PAGE = {"banking.pendingremoval.access_token"}
# Opened for pages alone.
IN_NO_JOB = {
    "accounts.notification.values", "compliance.consentevent.signature", "credit.report.document",
    "credit.report.changes",
}  # fmt: skip


def flip_last_byte(value: bytes) -> bytes:
    """A value whose last byte another hand has changed."""
    return bytes(value[:-1]) + bytes([value[-1] ^ 1])


@pytest.fixture
def damage(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let all values of a column be read as if their last byte was another."""

    def spoil(name: str) -> None:
        if name == SEEDS:
            for factor in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN):
                factor.data = {
                    key: value.replace("A", "B") if isinstance(value, str) else value
                    for key, value in factor.data.items()
                }
                factor.save()
            return
        column = COLUMNS.get(name) or AuditEvent._meta.get_field("payload")
        monkeypatch.setattr(
            column, "from_db_value", lambda value, *_: value and Sealed(flip_last_byte(value)), raising=False
        )

    return spoil


@pytest.fixture
def as_alice(as_alice: Client, alice: User, with_second_factor: Callable[..., Client]) -> Client:
    add_recovery_codes(alice)
    return with_second_factor(as_alice, alice)


@pytest.fixture(autouse=True)
def _everything(alice: User, belongings: Belongings, as_alice: Client, make_item: Callable[..., Item]) -> None:
    """A value of Alice's in every sealed column."""
    store_full_report(alice)
    give_consent(alice)
    gone = make_item(alice, provider_item_id="gone", connection=Connection.REMOVING)
    with tenant(alice.pk):
        PendingRemoval.objects.create(owner=alice, item=gone, access_token="access-sandbox-gone")
        session = LinkSession.objects.get(pk=belongings.session.pk)
        session.link_token = "link-sandbox-1"
        session.save()
        record(Action.OPERATOR_VIEW, subject=alice, what="banking.account", role="Support")
        record(Action.USER_LOGIN, subject=alice)


@pytest.fixture(autouse=True)
def _no_bureau(settings: object) -> None:
    settings.EXPERIAN_BASE_URL = "http://127.0.0.1:9"


@contextmanager
def outside_of_the_test() -> Iterator[None]:
    """Let what commits by itself do so within the test's own transaction, as in Django's test cases."""
    fence = transaction.atomic()
    fence._from_testcase = True
    with fence:
        yield


def alerts(caplog: pytest.LogCaptureFixture) -> set[str]:
    """Which columns an operator was told of."""
    lines = [line.getMessage() for line in caplog.records if line.levelno == logging.CRITICAL]
    return {line.split()[1] for line in lines if line.startswith("SEALED_VALUE_UNREADABLE ")}


@pytest.mark.parametrize("name", [*COLUMNS, AUDIT, SEEDS])
def test_it_answers_every_page_whatever_cannot_be_read(
    name: str, as_alice: Client, belongings: Belongings, damage: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    damage(name)
    pages = [page for page in PAGES if name == SEEDS or not page.startswith(OF_SIGN_IN)]
    found = {
        page: [describe_answer(as_alice, method, address(page, belongings)) for method in ("get", "post")]
        for page in pages
    }
    assert [page for page, answers in found.items() if "500" in answers] == []
    assert alerts(caplog) == {name} - IN_NO_PAGE


@pytest.mark.parametrize("name", COLUMNS)
def test_it_ends_every_job_whatever_cannot_be_read(
    name: str, alice: User, belongings: Belongings, damage: Callable[[str], None],
    provider: ScriptedProvider, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    damage(name)
    with tenant(alice.pk):
        removal = PendingRemoval.objects.get()
        Item.objects.filter(pk=belongings.item.pk).update(leased_until=None)
        LinkSession.objects.update(state=LinkSession.State.PENDING, next_recovery_at=None)
        Enrollment.objects.update(next_pull_at=timezone.now(), eligible_at=None)
    banking_tasks.sync_item(str(alice.pk), str(belongings.item.pk), "test")
    banking_tasks.remove_at_provider(str(alice.pk), str(removal.pk))
    banking_tasks.recover_link(str(alice.pk), str(belongings.session.pk))
    with outside_of_the_test():
        credit_tasks.pull_report(str(alice.pk), "scheduled")
        rebuilding.rebuild(owner_id=alice.pk, everything=True)
    assert alerts(caplog) == {name} - IN_NO_JOB


@pytest.mark.parametrize(
    ("name", "route", "text"),
    [
        (AUDIT, "security", "Cannot be read"),
        (AUDIT, "data_accesses", "Cannot be read"),
        (SEEDS, "security", "We can't check its codes."),
        ("accounts.notification.values", "notifications", "Cannot be read"),
        ("credit.report.document", "credit", "We can't open your report"),
        ("credit.report.changes", "credit_changes", "Cannot be read"),
        ("credit.rawreport.body", "credit_raw_page", "We can't decrypt this original."),
    ],
)
def test_it_says_in_its_row_what_cannot_be_read(
    name: str, route: str, text: str, as_alice: Client, belongings: Belongings, damage: Callable[[str], None]
) -> None:
    place = address(route, belongings)
    assert text not in unescape(as_alice.get(place).content.decode())
    damage(name)
    assert text in unescape(as_alice.get(place, follow=True).content.decode())
