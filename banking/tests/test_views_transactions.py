import csv
from datetime import date
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Item
from banking.tests.factories import build_transaction, make_account, make_transaction, make_transactions
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db

# An id that no row has; constant, because all test processes must collect the same test names.
NOBODY = "0041f248-4745-48d6-aa3c-c4286e2ca37c"


@pytest.fixture
def account(item: Item) -> Account:
    return make_account(item)


def index(client: Client, query: str = "", **headers: str):
    return client.get(f"{reverse('transactions')}?{query}", headers=headers)


def csv_rows(client: Client, query: str = "") -> list[list[str]]:
    answer = client.get(f"{reverse('transactions-csv')}?{query}")
    assert answer.status_code == 200
    return list(csv.reader(line.decode() for line in answer.streaming_content))


# --- The list ---------------------------------------------------------------------------------------------


def test_it_lists_what_the_filter_leaves_and_what_that_adds_up_to(as_alice: Client, account: Account) -> None:
    make_transaction(account, "2500", merchant_name="Employer", category="INCOME", day=date(2026, 11, 1))
    make_transaction(
        account, "-4.33", merchant_name="Café", category="FOOD_AND_DRINK", day=date(2026, 11, 10), pending=True
    )
    make_transaction(account, "-0.67", merchant_name="Kiosk", day=date(2026, 11, 11))
    page = page_text(index(as_alice))
    for expected in ("3 transactions", "$2,500.00", "$5.00", "+$2,495.00", "Employer", "Pending", "Checking ••0000"):
        assert expected in page
    assert page.index("Kiosk") < page.index("Café") < page.index("Employer")

    part = index(as_alice, "q=caf&direction=out")
    assert "> 1 transaction <" in page_text(part)
    assert "−$4.33" in page_text(part)
    assert "Employer" not in page_text(part)
    assert [filter.label for filter in part.context["active_filters"]] == ["Search: caf", "Direction: Money out"]


def test_it_turns_pages_there_and_back(as_alice: Client, account: Account) -> None:
    make_transactions(
        account, [build_transaction(account, "-1", name=f"row {n:02}", day=date(2026, 1, 1)) for n in range(60)]
    )
    first = index(as_alice, "size=25&q=row")
    second = as_alice.get(reverse("transactions") + first.context["older_url"])
    third = as_alice.get(reverse("transactions") + second.context["older_url"])
    assert [len(page.context["rows"]) for page in (first, second, third)] == [25, 25, 10]
    assert (first.context["newer_url"], third.context["older_url"]) == ("", "")
    seen = [row.label for page in (first, second, third) for row in page.context["rows"]]
    assert len(set(seen)) == 60
    back = as_alice.get(reverse("transactions") + third.context["newer_url"])
    assert back.context["rows"] == second.context["rows"]
    assert "60 transactions" in page_text(third)


def test_it_never_mixes_currencies(as_alice: Client, account: Account) -> None:
    make_transaction(account, "-10")
    make_transaction(account, "-1000", currency="JPY")
    page = page_text(index(as_alice))
    assert "$10.00" in page
    assert "1,000 JPY" in page
    assert "1,010" not in page


def test_it_sends_only_the_results_to_a_page_that_filters(as_alice: Client, account: Account) -> None:
    make_transaction(account, "-1")
    part = page_text(index(as_alice, "q=starbucks", HX_Request="true"))
    assert part.startswith('<section id="results"')
    assert "<html" not in part


def test_it_leads_the_way_when_there_is_nothing(as_alice: Client, alice: User, item: Item) -> None:
    assert reverse("connect") in page_text(index(as_alice))
    make_account(item)
    assert "They appear after the first import." in page_text(index(as_alice))
    assert "No transactions match these filters." in page_text(index(as_alice, "q=nothing"))


def test_it_shows_nothing_of_somebody_else(as_mallory: Client, account: Account) -> None:
    row = make_transaction(account, "-1", merchant_name="Hers alone")
    page = index(as_mallory)
    assert "Hers alone" not in page_text(page)
    assert list(page.context["rows"]) == []
    assert index(as_mallory, f"before={timezone.localdate()}_{UUID(int=2**128 - 1)}").context["rows"] == []
    assert index(as_mallory, f"after=2000-01-01_{row.pk}").context["rows"] == []
    assert index(as_mallory, f"account={account.pk}").status_code == 422


def test_it_shows_text_of_banks_and_addresses_as_text(as_alice: Client, account: Account) -> None:
    attack = "<script>alert(1)</script>"
    make_transaction(account, "-1", merchant_name=attack, category=attack, currency="<b>", note=attack)
    page = index(as_alice, "q=%3Cscript%3E&x=%22%3E%3Cscript%3Ealert(2)%3C/script%3E").content.decode()
    assert "<script>alert" not in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("min=NaN", "Minimum amount"),
        ("max=Infinity", "Maximum amount"),
        (f"min={'9' * 5000}", "Minimum amount"),
        ("min=1e999999999", "Minimum amount"),
        ("max=-1", "Maximum amount"),
        ("since=2026-02-30", "From"),
        ("until=%00", "To"),
        ("q=%00", "Search"),
        (f"q={'x' * 101}", "Search"),
        ("account=not-an-account", "Account"),
        (f"account={NOBODY}", "Account"),
        ("category=a%00b", "Category"),
        ("direction=up", "Direction"),
        ("pending=%ED%A0%80", "Status"),
    ],
)
@pytest.mark.parametrize("htmx", [{}, {"HX_Request": "true"}], ids=["page", "htmx"])
def test_it_names_the_field_that_makes_no_sense(
    as_alice: Client, account: Account, query: str, label: str, htmx: dict[str, str]
) -> None:
    page = index(as_alice, query, **htmx)
    assert page.status_code == 422
    if not htmx:
        assert f">{label}: " in page.content.decode()
        assert page.content.decode().count('aria-invalid="true"') == 1


@pytest.mark.parametrize("way", ["before", "after"])
@pytest.mark.parametrize("position", ["x", "2026-11-10", f"2026-11-10_{NOBODY}%00", "_", "9" * 5000, "%ED%A0%80_%00"])
def test_it_says_that_a_damaged_address_is_damaged(as_alice: Client, account: Account, way: str, position: str) -> None:
    page = index(as_alice, f"{way}={position}")
    assert page.status_code == 422
    assert "address isn't valid" in page_text(page)


@pytest.mark.parametrize(
    "query",
    [
        "size=0",
        "size=1e9",
        "size=%00",
        "%00=%00",
        "unheard-of=1",
        "q=%ED%A0%80",
        "q=%F0%9F%98%80",
        "q=%25%27%5C",
        "q=a&q=b",
        "before=",
        "&&&",
        f"before={date(9999, 12, 31)}_{UUID(int=2**128 - 1)}",
        f"after={date(1, 1, 1)}_{UUID(int=0)}",
        "x=" + "y" * 20_000,
    ],
)
def test_it_takes_what_it_can_ignore(as_alice: Client, account: Account, query: str) -> None:
    make_transaction(account, "-1")
    assert index(as_alice, query).status_code == 200


def test_it_refuses_to_read_endless_parameters(as_alice: Client) -> None:
    assert index(as_alice, "&".join(f"a{n}=1" for n in range(5000))).status_code == 400


# --- The CSV export ---------------------------------------------------------------------------------------


def test_it_writes_what_the_list_shows(as_alice: Client, account: Account) -> None:
    make_transaction(account, "-4.33", merchant_name="Café")
    make_transaction(account, "-5", merchant_name="Kiosk")
    page = index(as_alice, "q=caf")
    address = page.context["csv_url"]
    answer = as_alice.get(address)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="transactions.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    head, *bodies = csv.reader(line.decode() for line in answer.streaming_content)
    assert [dict(zip(head, body, strict=True))["Description"] for body in bodies] == ["Café"]


def test_it_writes_all_pages_into_one_file(as_alice: Client, account: Account) -> None:
    make_transactions(account, [build_transaction(account, "-1") for _ in range(120)])
    assert len(csv_rows(as_alice, "size=25")) == 121


def test_it_writes_no_row_of_somebody_else(as_mallory: Client, account: Account) -> None:
    make_transaction(account, "-1")
    assert len(csv_rows(as_mallory)) == 1
    assert as_mallory.get(reverse("transactions-csv"), {"account": account.pk}).status_code == 422


def test_it_writes_no_file_for_a_filter_that_makes_no_sense(as_alice: Client, account: Account) -> None:
    refused = as_alice.get(reverse("transactions-csv"), {"min": "NaN"})
    assert refused.status_code == 422
    assert refused.headers["Content-Type"].startswith("text/html")
    assert "Minimum amount" in page_text(refused)


def test_it_writes_down_that_the_rows_were_fetched(as_alice: Client, alice: User, account: Account) -> None:
    csv_rows(as_alice)
    with tenant(alice.pk):
        (event,) = AuditEvent.objects.filter(subject=alice.pk, action="transaction_fetch")
        assert event.details()["form"] == "csv"


@pytest.mark.parametrize("name", ["transactions", "transactions-csv"])
def test_it_is_only_for_reading(as_alice: Client, name: str) -> None:
    assert as_alice.post(reverse(name)).status_code == 405


def test_it_asks_as_often_for_many_rows_as_for_one(as_alice: Client, account: Account) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as queries:
            index(as_alice)
        return len(queries)

    make_transaction(account, "-1")
    one = questions()
    make_transactions(account, [build_transaction(account, "-1") for _ in range(90)])
    assert questions() == one
