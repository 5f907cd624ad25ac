"""Every sentence that users read is marked for translation, in templates and in what Python adds to them."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.conf import settings
from django.http import HttpResponse
from django.template import Context, Template
from django.template.loader import get_template
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.sessions.session_messages import SessionMessage, describe_message
from accounts.tests.totp import add_recovery_codes
from banking.models import Item
from config.tests.greek_objects import make_greek_objects
from config.tests.owned_objects import OwnedObjects, get_url
from config.tests.pseudo_locale import clear_remembered_results, find_untranslated_words, pseudo_locale, to_greek
from config.tests.routes import EXPECTED_RESPONSES, ROUTE_NAMES
from config.tests.unmarked_text import find_templates, find_unmarked

TEMPLATES = find_templates()
MAILS = [path for path in TEMPLATES if path.match("email/*.txt") and not path.name.startswith("base_")]
# Responses for programs, and pages of the sandbox.
NOT_FOR_USERS = {"live", "ready", "sandbox", "transactions-csv", "policy_reports", "webhook-plaid"}
# Values that differ in each response.
UNIQUE_VALUES = re.compile(r'nonce="[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"')


# --- Templates --------------------------------------------------------------------------------------------


def test_it_marks_every_sentence_of_the_templates() -> None:
    sources = ((path, (settings.BASE_DIR / path).read_text()) for path in TEMPLATES)

    assert [str(text) for path, source in sources for text in find_unmarked(path, source)] == []


@pytest.mark.parametrize(
    "unmarked",
    [
        "<p>Not counted</p>",
        '<a title="Not counted"></a>',
        '<input type="submit" value="Not counted">',
        "<details{% if x %} open{% endif %}>Not counted</details>",
        '{% card "Not counted" %}',
        '{{ name|default:"Not counted" }}',
        "{% translate 'Here' %} Not counted",
        "{% blocktranslate %}Here{% endblocktranslate %} Not counted",
        "{% trans %}Here{% endtrans %} Not counted",
    ],
)
def test_it_finds_a_sentence_that_is_not_marked(unmarked: str) -> None:
    (text,) = find_unmarked(Path("page.html"), unmarked)

    assert "Not counted" in text.text


@pytest.mark.parametrize(
    "marked",
    [
        '<p class="card">{% translate "Not counted" %}</p>',
        '<a title="{% translate "Not counted" %}"></a>',
        "{% blocktranslate count n=n trimmed %}one day{% plural %}{{ n }} days{% endblocktranslate %}",
        '{% card _("Not counted") %}',
        '{{ name|default:_("Not counted") }}',
        "{% trans n=n %}{{ n }} day{% pluralize %}{{ n }} days{% endtrans %}",
        "{% block main_class %}main--narrow{% endblock %}",
        "{# A comment #}{% comment %}Another{% endcomment %}",
        "<script>const not_counted = 1</script>",
        "Plumbline · {{ name }}",
    ],
)
def test_it_leaves_marked_sentences_and_names_alone(marked: str) -> None:
    assert list(find_unmarked(Path("page.html"), marked)) == []


# --- Pages in the pseudo-locale ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("<p>⟦Hello⟧ Δέλτα</p>", []),
        ("<p>⟦Hello <a title='⟦more⟧'>⟦dear⟧</a> reader⟧ word</p>", ["word"]),
        ("<p>⟦Hello⟧</p><img alt='A picture'>", ["picture"]),
        ("<script>let word</script><svg><title>Chart</title></svg>", ["Chart"]),
        ("<p>⟦Hello</p><p>hidden</p>", ["⟦"]),
        ("<option value='Asia/Ho_Chi_Minh'>Asia/Ho Chi Minh</option><option value=''>None</option>", ["None"]),
        ("<html lang='en'><div lang='en'>Signed<div><br>in</div> English</div> word</html>", ["word"]),
        ("⟦Write to⟧ help@plumbline.example, Experian · USD", []),
    ],
)
def test_it_finds_words_outside_of_translations(markup: str, words: list[str]) -> None:
    assert find_untranslated_words(markup) == words


def test_it_finds_one_unmarked_word() -> None:
    source = '{% load i18n %}<h1>{% translate "Accounts" %}</h1>{{ hint }}{% blocktranslate count n=2 %}{{ n }} bank'
    source += "{% plural %}<b>{{ n }}</b> banks{% endblocktranslate %} <i>counted</i>"
    with pseudo_locale():
        page = Template(source).render(Context({"hint": gettext_lazy("Not counted")}))

    assert find_untranslated_words(page) == ["counted"]
    assert "⟦" not in Template(source).render(Context({"hint": gettext_lazy("Not counted")}))


def test_it_finds_a_month_that_is_written_in_english() -> None:
    source = "{% load formatting %}{{ day|short_date }} {{ amount|money }} Nov 9"
    with pseudo_locale():
        page = Template(source).render(Context({"day": date(2020, 11, 9), "amount": Decimal("1.5")}))

    assert "9 Νοε 2020" in page
    assert "1,50" in page
    assert find_untranslated_words(page) == ["Nov"]


@pytest.mark.django_db
@pytest.mark.usefixtures("own_cache", "provider")
def test_it_shows_no_unmarked_word_on_a_page(
    as_alice: Client,
    alice: User,
    make_item: Callable[..., Item],
    with_second_factor: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_recovery_codes(alice)
    owner = with_second_factor(as_alice, alice)
    objects = make_greek_objects(alice, make_item, monkeypatch)
    untranslated: dict[str, list[str]] = {}
    with pseudo_locale():
        for method, user, client in (("get", "anonymous", Client()), ("get", "owner", owner), ("post", "owner", owner)):
            for name in list_page_routes(method, user):
                response = getattr(client, method)(get_url(name, objects))
                assert response.status_code in (200, 422), name
                if is_html(response) and (words := find_untranslated_words(response.getvalue().decode())):
                    untranslated[f"{method} {name} as {user}"] = words
    assert untranslated == {}


def list_page_routes(method: str, user: str) -> Iterable[str]:
    """The routes that respond with a page of ours. The admin's sentences are not translated."""
    index = ("get", "post").index(method)
    for name in ROUTE_NAMES:
        shows_page = EXPECTED_RESPONSES[name][user].split("/")[index] in ("200", "422")
        if shows_page and name not in NOT_FOR_USERS and not name.startswith("admin:"):
            yield name


def is_html(response: HttpResponse) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")


@pytest.mark.django_db
def test_it_declares_the_language_of_a_page() -> None:
    for language, languages in (("en", nullcontext()), ("el", pseudo_locale()), ("es", use_two_languages("es"))):
        with languages:
            assert f'<html lang="{language}"' in Client().get(reverse("account_login")).content.decode()
            assert f'<html lang="{language}"' in get_template("500.html").render()


# --- Pages of a site with two languages -------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("own_cache")
def test_it_renders_the_same_english_on_a_site_with_two_languages(
    as_alice: Client, owned_objects: OwnedObjects
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        english = render_pages_and_mails(as_alice, owned_objects)
        with use_two_languages("en"):
            assert render_pages_and_mails(as_alice, owned_objects) == english


@pytest.mark.django_db
@pytest.mark.usefixtures("own_cache")
def test_it_finds_a_sentence_of_another_language() -> None:
    english = render_form_with_errors()
    with use_two_languages("es"):
        assert "Introduzca una dirección de correo electrónico válida" in render_form_with_errors()
    assert render_form_with_errors() == english


@contextmanager
def use_two_languages(active: str) -> Iterator[None]:
    """Translate as Django does for a site with two languages. It keeps the functions that it translates by."""
    clear_remembered_results()
    try:
        languages = override_settings(LANGUAGES=[("en", "English"), ("es", "Spanish")], USE_I18N=True)
        functions = patch.object(translation, "_trans", type(translation._trans)())
        with languages, functions, translation.override(active):
            yield
    finally:
        clear_remembered_results()


def render_pages_and_mails(owner: Client, owned_objects: OwnedObjects) -> dict[str, str]:
    texts = {"form": render_form_with_errors()}
    for name in ("overview", "accounts", "account", "transactions", "credit", "credit_history"):
        texts[name] = get_text(owner.get(get_url(name, owned_objects)))
    for path in MAILS:
        texts[str(path)] = get_template(str(path.relative_to("templates"))).render(make_mail_context(2))
    return texts


def render_form_with_errors() -> str:
    return get_text(Client().post(reverse("account_signup"), {"email": "nobody", "password1": "short"}))


def get_text(response: HttpResponse) -> str:
    assert response.status_code in (200, 422)
    return UNIQUE_VALUES.sub("", response.getvalue().decode())


# --- Other sessions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", SessionMessage)
def test_it_marks_the_messages_to_other_sessions(message: SessionMessage) -> None:
    with pseudo_locale():
        sentence = describe_message({"code": message.value, "values": {"user_agent": "Firefox/140 (Linux)", "left": 3}})
    assert find_untranslated_words(sentence) == []


# --- Mails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MAILS, ids=str)
def test_it_writes_no_unmarked_word_in_a_mail(path: Path) -> None:
    with pseudo_locale():
        for codes_left in (1, 9):
            mail = get_template(str(path.relative_to("templates"))).render(make_mail_context(codes_left))
            assert find_untranslated_words(mail, is_html=False) == []


def make_mail_context(left: int) -> dict[str, Any]:
    """Values for the templates of mails, with ASCII letters only in addresses."""
    url = "https://plumbline.test"
    urls = dict.fromkeys(("public_url", "unlock_url", "password_reset_url", "cancel_url", "overview_url"), url)
    emails = dict.fromkeys(("email", "from_email", "to_email"), "alice@example.com")
    return {
        **urls,
        **emails,
        "code": "123456",
        "count": left,
        "ip": "192.0.2.7",
        "label": to_greek("type"),
        "left": left,
        "news": [to_greek("news")],
        "due_at": timezone.now(),
        "expires_at": timezone.now(),
        "erased_at": timezone.now(),
        "period": to_greek("period"),
        "starts_on": timezone.localdate(),
        "timestamp": timezone.now(),
        "user_agent": "Firefox",
    }


def test_it_finds_an_unmarked_word_in_a_mail() -> None:
    assert find_untranslated_words("⟦Sign in⟧: https://plumbline.test/path\nwrong", is_html=False) == ["wrong"]
