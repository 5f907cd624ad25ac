"""A year of reports, pulled month by month, in a real browser."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from compliance.isolation import tenant
from credit.stored import reports
from credit.tests.pull_steps import enroll_user, get_enrollment, pull
from credit.tests.test_diffing_year import YEAR
from ui.tests.accessibility import list_violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery staple"
MONTHS = 12
PAGES = ("", "_history", "_changes", "_accounts", "_utilization", "_inquiries", "_records", "_personal")
SCORES = (702, 688, 684, 676, 690, 651, 656, 667, 664, 666, 672, 689, 640)


@pytest.fixture
def alice(make_user):
    return make_user("alice", PASSWORD)


@pytest.fixture
def year(alice, days):
    """Alice enrolls as the persona whose report changes, and gets a report every month."""
    enroll_user(alice, "P11")
    pull(alice)
    for _month in range(MONTHS):
        days.advance_to(get_enrollment(alice).eligible_at)
        pull(alice)


@pytest.fixture
def visit(page, live_server, alice, year):
    """Sign in once, and return a function that opens pages by their name."""
    site = live_server.url

    def open_page(name, *args, query=""):
        page.goto(site + reverse(name, args=args) + query)

    open_page("account_login")
    page.get_by_label("Email").fill(alice.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_title("Overview · Plumbline")
    return open_page


@pytest.fixture
def summaries(alice, year):
    """Alice's reports, newest first."""
    with tenant(alice.pk):
        return reports.list_reports(owner=alice.pk)


def test_it_shows_a_year_of_scores(page, visit, summaries):
    assert tuple(summary.value for summary in summaries[::-1]) == SCORES
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Credit").click()
    expect(page.get_by_role("img", name="640 on a scale from 300 to 850")).to_be_visible()
    expect(page.get_by_text("Down 49 points")).to_be_visible()
    page.get_by_role("navigation", name="Credit").get_by_role("link", name="History").click()
    rows = page.get_by_role("row")
    expect(rows).to_have_count(1 + len(SCORES))
    assert [row.get_by_role("cell").first.inner_text() for row in rows.all()[1:]] == [str(n) for n in SCORES[::-1]]
    expect(page.get_by_role("figure")).to_contain_text("down 62 from 702 to 640")
    expect(rows.filter(has_text="651")).to_contain_text("late payment in")


def test_it_shows_the_score_of_each_report_by_keyboard(page, visit, summaries):
    visit("credit_history")
    plot = page.get_by_role("group", name="Values day by day")
    for key, value in (("End", 640), ("ArrowLeft", 689), ("Home", 702), ("ArrowRight", 688)):
        plot.press(key)
        expect(page.locator("[data-read]")).to_have_text(re.compile(rf"^[A-Z][a-z]+ \d+, \d{{4}}: {value}$"))


def test_it_lists_every_change_once_with_a_link_to_its_account(page, visit):
    entries = []
    for number in (1, 2):
        visit("credit_changes", query=f"?page={number}")
        entries += page.get_by_role("main").locator(".entry").all_inner_texts()
    assert len(entries) == sum(len(changes) for changes in YEAR.values())
    visit("credit_changes")
    page.get_by_role("link", name="TRI-COUNTY RECOVERY: collection account added").click()
    expect(page.get_by_role("heading", name="TRI-COUNTY RECOVERY")).to_be_visible()
    expect(page.get_by_role("table", name="Payment history by month")).to_be_visible()


def test_it_compares_the_first_report_with_the_last(page, visit, summaries):
    newest, *_between, first = summaries
    visit("credit_changes")
    page.get_by_label("Earlier report").select_option(str(first.id))
    page.get_by_label("Later report").select_option(str(newest.id))
    page.get_by_role("button", name="Compare reports").click()
    expect(page.get_by_role("heading", name="Differences")).to_be_visible()
    expect(page.get_by_text("From 702 to 640.")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(page, visit, alice, scheme, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    violations = []
    with tenant(alice.pk):
        account = reports.get_latest_report(owner=alice.pk).report.tradelines[0]
    for name, args in [*((f"credit{name}", []) for name in PAGES), ("credit_account", [account.key])]:
        visit(name, *args)
        violations += [(name, *violation) for violation in list_violations(page)]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    assert violations == []
