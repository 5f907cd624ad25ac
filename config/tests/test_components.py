"""The components that pages share, which escape all values."""

from datetime import UTC, date, datetime
from html import unescape

import pytest
import time_machine
from django.template import Context, Template

from banking.models import Item
from insights.balances.data_age import Age
from ui.tests.html_tags import ATTACK

pytestmark = pytest.mark.dates

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def render_source(source: str, **context: object) -> str:
    return Template("{% load components %}" + source).render(Context(context))


def render_card(arguments: str = "", **context: object) -> str:
    return Template(
        f"{{% load components %}}{{% card title key='balance' {arguments} %}}{{{{ name }}}}{{% endcard %}}"
    ).render(Context({"title": "Balance", "name": "inside"} | context))


def test_it_renders_a_card_under_its_heading():
    html = render_card("span=8", title="<b>", name="<i>")
    assert '<section class="card w8" aria-labelledby="balance-title">' in html
    assert '<h2 id="balance-title">&lt;b&gt;</h2>' in html
    assert "&lt;i&gt;" in html
    assert "<p" not in html
    assert "<a" not in html


def test_it_links_another_page_in_the_heading():
    html = render_card('url=url action="All accounts"', url='/accounts/?a=1&b="')
    assert '<a class="card__link" href="/accounts/?a=1&amp;b=&quot;">All accounts</a>' in html


@time_machine.travel(NOON, tick=False)
def test_it_shows_the_period_and_the_age_of_its_data():
    late = [Item(institution_name="Old Bank", data_as_of=datetime(2026, 11, 14, 9, tzinfo=UTC)), Item()]
    age = Age(as_of=datetime(2026, 11, 22, 9, 40, tzinfo=UTC), late=late)
    html = render_card("age=age since=since until=until", age=age, since=date(2026, 10, 23), until=date(2026, 11, 21))
    for text in (">Oct 23</time> to ", ">Nov 21</time>", "As of ", "9:40 AM", "Old Bank: data from ", "Nov 14"):
        assert text in html
    assert ": no data yet" in html


@pytest.mark.parametrize("missing", ["age=nothing.age", "age=nothing.age since=nothing.since until=nothing.until"])
def test_it_shows_no_age_without_data(missing):
    assert "<p" not in render_card(missing, nothing=None)


def test_it_escapes_markup():
    age = Age(as_of=None, late=[Item(institution_name=ATTACK)])
    html = render_card("url=title action=title age=age", title=ATTACK, age=age, name=ATTACK)
    assert "<img" not in html
    assert unescape(html).count(ATTACK) == 5


def test_it_shows_a_figure_under_its_label():
    html = Template('{% load components %}{% stat "Income" figure note="A <note>" tone="pos" %}').render(
        Context({"figure": ATTACK})
    )
    assert "<img" not in html
    assert ATTACK in unescape(html)
    for text in ("<dt>Income</dt>", 'class="stat__value pos"', "A &lt;note&gt;"):
        assert text in html
    assert render_source('{% stat "Net" "$5" %}') == (
        '<div class="stat"><dt>Net</dt><dd class="stat__value">$5</dd></div>'
    )


def test_it_marks_the_current_page_in_the_navigation(rf):
    from django.urls import resolve

    request = rf.get("/transactions/")
    request.resolver_match = resolve(request.path)
    links = ['"transactions" "Transactions" "tag"', '"help" "Help" "tag" "transactions"', '"home" "Home" "tag"']
    html = "".join(render_source(f"{{% nav_link {link} %}}", request=request) for link in links)

    assert [part.split('"')[0] for part in html.split('aria-current="')[1:]] == ["page", "true", "false"]
