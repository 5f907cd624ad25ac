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
UNKNOWN_ID = "0041f248-4745-48d6-aa3c-c4286e2ca37c"


@pytest.fixture
def account(item: Item) -> Account:
    return make_account(item)


def get_list(client: Client, query: str = "", **headers: str):
    return client.get(f"{reverse('transactions')}?{query}", headers=headers)


def read_csv(client: Client, query: str = "") -> list[list[str]]:
    response = client.get(f"{reverse('transactions-csv')}?{query}")
    assert response.status_code == 200
    return list(csv.reader(line.decode() for line in response.streaming_content))


# --- The list ---------------------------------------------------------------------------------------------


def test_it_lists_filtered_rows_and_their_totals(as_alice: Client, account: Account) -> None:
    make_transaction(account, "2500", merchant_name="Employer", category="INCOME", day=date(2026, 11, 1))
    make_transaction(
        account, "-4.33", merchant_name="Café", category="FOOD_AND_DRINK", day=date(2026, 11, 10), pending=True
    )
    make_transaction(account, "-0.67", merchant_name="Kiosk", day=date(2026, 11, 11))
    page = page_text(get_list(as_alice))
    for expected in ("3 transactions", "$2,500.00", "$5.00", "+$2,495.00", "Employer", "Pending", "Checking ••0000"):
        assert expected in page
    assert page.index("Kiosk") < page.index("Café") < page.index("Employer")

    part = get_list(as_alice, "q=caf&direction=out")
    assert "> 1 transaction <" in page_text(part)
    assert "−$4.33" in page_text(part)
    assert "Employer" not in page_text(part)
    assert [filter.label for filter in part.context["active_filters"]] == ["Search: caf", "Direction: Money out"]


def test_it_pages_in_both_directions(as_alice: Client, account: Account) -> None:
    make_transactions(
        account, [build_transaction(account, "-1", name=f"row {n:02}", day=date(2026, 1, 1)) for n in range(60)]
    )
    first = get_list(as_alice, "size=25&q=row")
    second = as_alice.get(reverse("transactions") + first.context["older_url"])
    third = as_alice.get(reverse("transactions") + second.context["older_url"])
    assert [len(page.context["rows"]) for page in (first, second, third)] == [25, 25, 10]
    assert (first.context["newer_url"], third.context["older_url"]) == ("", "")
    labels = [row.label for page in (first, second, third) for row in page.context["rows"]]
    assert len(set(labels)) == 60
    second_again = as_alice.get(reverse("transactions") + third.context["newer_url"])
    assert second_again.context["rows"] == second.context["rows"]
    assert "60 transactions" in page_text(third)


def test_it_shows_totals_per_currency(as_alice: Client, account: Account) -> None:
    make_transaction(account, "-10")
    make_transaction(account, "-1000", currency="JPY")
    page = page_text(get_list(as_alice))
    assert "$10.00" in page
    assert "1,000 JPY" in page
    assert "1,010" not in page


def test_it_sends_only_the_results_to_htmx(as_alice: Client, account: Account) -> None:
    make_transaction(account, "-1")
    part = page_text(get_list(as_alice, "q=starbucks", HX_Request="true"))
    assert part.startswith('<section id="results"')
    assert "<html" not in part


def test_it_tells_the_user_what_to_do_without_rows(as_alice: Client, alice: User, item: Item) -> None:
    assert reverse("connect") in page_text(get_list(as_alice))
    make_account(item)
    assert "They appear after the first import." in page_text(get_list(as_alice))
    assert "No transactions match these filters." in page_text(get_list(as_alice, "q=nothing"))


def test_it_shows_nothing_of_another_user(as_mallory: Client, account: Account) -> None:
    row = make_transaction(account, "-1", merchant_name="Hers alone")
    page = get_list(as_mallory)
    assert "Hers alone" not in page_text(page)
    assert list(page.context["rows"]) == []
    assert get_list(as_mallory, f"before={timezone.localdate()}_{UUID(int=2**128 - 1)}").context["rows"] == []
    assert get_list(as_mallory, f"after=2000-01-01_{row.pk}").context["rows"] == []
    assert get_list(as_mallory, f"account={account.pk}").status_code == 422


def test_it_escapes_text_of_banks_and_urls(as_alice: Client, account: Account) -> None:
    attack = "<script>alert(1)</script>"
    make_transaction(account, "-1", merchant_name=attack, category=attack, currency="<b>", note=attack)
    page = get_list(as_alice, "q=%3Cscript%3E&x=%22%3E%3Cscript%3Ealert(2)%3C/script%3E").content.decode()
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
        (f"account={UNKNOWN_ID}", "Account"),
        ("category=a%00b", "Category"),
        ("direction=up", "Direction"),
        ("pending=%ED%A0%80", "Status"),
    ],
)
@pytest.mark.parametrize("htmx", [{}, {"HX_Request": "true"}], ids=["page", "htmx"])
def test_it_reports_the_invalid_field(
    as_alice: Client, account: Account, query: str, label: str, htmx: dict[str, str]
) -> None:
    page = get_list(as_alice, query, **htmx)
    assert page.status_code == 422
    if not htmx:
        assert f">{label}: " in page.content.decode()
        assert page.content.decode().count('aria-invalid="true"') == 1


@pytest.mark.parametrize("parameter", ["before", "after"])
@pytest.mark.parametrize(
    "position", ["x", "2026-11-10", f"2026-11-10_{UNKNOWN_ID}%00", "_", "9" * 5000, "%ED%A0%80_%00"]
)
def test_it_reports_an_invalid_position(as_alice: Client, account: Account, parameter: str, position: str) -> None:
    page = get_list(as_alice, f"{parameter}={position}")
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
def test_it_accepts_unknown_parameters_and_unusual_values(as_alice: Client, account: Account, query: str) -> None:
    make_transaction(account, "-1")
    assert get_list(as_alice, query).status_code == 200


def test_it_rejects_too_many_parameters(as_alice: Client) -> None:
    assert get_list(as_alice, "&".join(f"a{n}=1" for n in range(5000))).status_code == 400


# --- The CSV export ---------------------------------------------------------------------------------------


def test_it_exports_the_filtered_rows(as_alice: Client, account: Account) -> None:
    make_transaction(account, "-4.33", merchant_name="Café")
    make_transaction(account, "-5", merchant_name="Kiosk")
    page = get_list(as_alice, "q=caf")
    url = page.context["csv_url"]
    response = as_alice.get(url)
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="transactions.csv"'
    assert response.headers["Cache-Control"] == "no-store"
    head, *bodies = csv.reader(line.decode() for line in response.streaming_content)
    assert [dict(zip(head, body, strict=True))["Description"] for body in bodies] == ["Café"]


def test_it_exports_all_pages_into_one_file(as_alice: Client, account: Account) -> None:
    make_transactions(account, [build_transaction(account, "-1") for _ in range(120)])
    assert len(read_csv(as_alice, "size=25")) == 121


def test_it_exports_no_row_of_another_user(as_mallory: Client, account: Account) -> None:
    make_transaction(account, "-1")
    assert len(read_csv(as_mallory)) == 1
    assert as_mallory.get(reverse("transactions-csv"), {"account": account.pk}).status_code == 422


def test_it_exports_nothing_for_an_invalid_filter(as_alice: Client, account: Account) -> None:
    response = as_alice.get(reverse("transactions-csv"), {"min": "NaN"})
    assert response.status_code == 422
    assert response.headers["Content-Type"].startswith("text/html")
    assert "Minimum amount" in page_text(response)


def test_it_records_the_export_in_the_audit_trail(as_alice: Client, alice: User, account: Account) -> None:
    read_csv(as_alice)
    with tenant(alice.pk):
        (event,) = AuditEvent.objects.filter(subject=alice.pk, action="transaction_fetch")
        assert event.details()["form"] == "csv"


@pytest.mark.parametrize("name", ["transactions", "transactions-csv"])
def test_it_rejects_post_requests(as_alice: Client, name: str) -> None:
    assert as_alice.post(reverse(name)).status_code == 405


def test_it_needs_as_many_queries_for_many_rows_as_for_one(as_alice: Client, account: Account) -> None:
    def count_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            get_list(as_alice)
        return len(queries)

    make_transaction(account, "-1")
    count_for_one = count_queries()
    make_transactions(account, [build_transaction(account, "-1") for _ in range(90)])
    assert count_queries() == count_for_one
