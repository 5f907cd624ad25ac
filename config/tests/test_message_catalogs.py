"""English texts stay unchanged, macros' sentences are collected too, and translations keep their placeholders."""

from pathlib import Path
from typing import Any

import allauth
import django
import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.template import engines
from django.test import Client
from django.utils.translation import gettext, ngettext

from config.management.commands.makemessages import extract_calls
from config.tests.pseudo_locale import pseudo_locale
from config.translations.catalogs import find_placeholder_errors, read_catalog

# --- English stays as it is -------------------------------------------------------------------------------


@pytest.mark.parametrize("package", [django, allauth], ids=["Django", "allauth"])
def test_it_leaves_the_english_of_packages_unchanged(package: Any) -> None:
    root = Path(package.__file__).parent
    catalogs = sorted(root.rglob("locale/en/LC_MESSAGES/django.po"))
    messages = [message for path in catalogs for message in read_catalog(path) if not message.context]
    sentences = [message.id if isinstance(message.id, str) else message.id[0] for message in messages if message.id]

    assert len(sentences) > 100
    assert [sentence for sentence in sentences if gettext(sentence) != sentence] == []
    assert ngettext("%(n)s minute", "%(n)s minutes", 1) == "%(n)s minute"


@pytest.mark.django_db
def test_it_serves_english_to_a_browser_that_prefers_another_language(client: Client) -> None:
    page = client.get("/help/", headers={"accept-language": "de"})

    assert page.status_code == 200
    assert "Accept-Language" not in page.headers.get("Vary", "")


# --- Catalogs ---------------------------------------------------------------------------------------------

ENTRY = 'msgid "%(bank)s has %(n)s account. {link}"\nmsgid_plural "%(bank)s has %(n)s accounts. {link}"\n'
VALID_FORM = "%(n)s Konten: %(bank)s {link}"


def write_catalog(folder: Path, *forms: str, entry: str = ENTRY, comment: str = "") -> Path:
    """Write a German catalog with one entry, as if German had as many plural forms as are given."""
    path = folder / "de" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f'msgstr[{form}] "{text}"\n' for form, text in enumerate(forms))
    header = f'"Language: de\\n"\n"Plural-Forms: nplurals={len(forms)}; plural=0;\\n"\n'
    path.write_text(f'msgid ""\nmsgstr ""\n{header}\n{comment}{entry}{lines}')
    return path


def test_it_accepts_translations_that_keep_their_placeholders_in_another_order(tmp_path: Path) -> None:
    assert list(find_placeholder_errors(write_catalog(tmp_path, VALID_FORM, VALID_FORM))) == []


@pytest.mark.parametrize(
    "broken",
    [
        "%(n)s Konten bei {link}",
        "%(bank)s %(n)s",
        VALID_FORM.replace("bank", "Bank"),
        f"{VALID_FORM} %(more)s",
        "%(bank) {link}",
    ],
)
@pytest.mark.parametrize("form", [0, 1, 2])
def test_it_finds_a_missing_or_changed_placeholder_in_each_plural_form(tmp_path: Path, broken: str, form: int) -> None:
    forms = [VALID_FORM] * 3
    forms[form] = broken
    (error,) = find_placeholder_errors(write_catalog(tmp_path, *forms))

    assert f"form {form}" in error
    assert "%(bank)s" in error


def test_it_lets_only_the_first_of_several_forms_leave_the_number_out(tmp_path: Path) -> None:
    entry = 'msgid "One account"\nmsgid_plural "%(n)s accounts"\n'

    assert list(find_placeholder_errors(write_catalog(tmp_path, "Ein Konto", "%(n)s Konten", entry=entry))) == []
    assert len(list(find_placeholder_errors(write_catalog(tmp_path, "%(n)s", "Konten", entry=entry)))) == 1
    assert len(list(find_placeholder_errors(write_catalog(tmp_path, "Konten", entry=entry)))) == 1


def test_it_finds_an_empty_form_among_translated_ones(tmp_path: Path) -> None:
    entry = 'msgid "An account"\nmsgid_plural "Accounts"\n'
    (error,) = find_placeholder_errors(write_catalog(tmp_path, "Ein Konto", "", entry=entry))

    assert "form 1 is empty" in error


def test_it_ignores_unused_translations(tmp_path: Path) -> None:
    assert list(find_placeholder_errors(write_catalog(tmp_path, "", ""))) == []
    assert list(find_placeholder_errors(write_catalog(tmp_path, "?", "?", comment="#, fuzzy, python-format\n"))) == []


def test_it_fails_the_deployment_check_and_no_page(tmp_path: Path, settings: Any) -> None:
    settings.LOCALE_PATHS = [tmp_path]
    write_catalog(tmp_path, "%(n)s Konten", VALID_FORM)
    (error,) = run_checks(tags=["translation"], include_deployment_checks=True)

    assert error.id == "plumbline.E016"
    assert run_checks(tags=["translation"]) == []


def test_it_reports_a_broken_catalog(tmp_path: Path, settings: Any) -> None:
    settings.LOCALE_PATHS = [tmp_path]
    write_catalog(tmp_path, VALID_FORM, VALID_FORM, entry=f"junk\n{ENTRY}")

    assert [error.id for error in run_checks(tags=["translation"], include_deployment_checks=True)] == [
        "plumbline.E016"
    ]


def test_it_reports_more_forms_than_the_language_has(tmp_path: Path, settings: Any) -> None:
    settings.LOCALE_PATHS = [tmp_path]
    path = write_catalog(tmp_path, VALID_FORM, VALID_FORM, VALID_FORM)
    path.write_text(path.read_text().replace("nplurals=3", "nplurals=2"))
    (error,) = run_checks(tags=["translation"], include_deployment_checks=True)

    assert "more translations" in error.msg


def test_it_finds_no_error_in_the_projects_catalogs() -> None:
    catalogs = [path for folder in settings.LOCALE_PATHS for path in Path(folder).rglob("*.po")]

    assert [str(path.relative_to(settings.BASE_DIR)) for path in catalogs] == ["locale/en/LC_MESSAGES/django.po"]
    assert run_checks(tags=["translation"], include_deployment_checks=True) == []


# --- Collecting sentences ---------------------------------------------------------------------------------


def test_it_collects_the_sentences_of_macros() -> None:
    source = """{{ _('Not "counted"') }} {{ pgettext("credit", "Limit") }}
        {{ ngettext("%(num)s day", "%(num)s days", n) }}
        {% trans count=n %}{{ count }} account
        of yours{% pluralize %}{{ count }} accounts{% endtrans %}"""

    assert extract_calls(engines["jinja2"].env, source) == [
        "_('Not \"counted\"')",
        "pgettext('credit', 'Limit')",
        "ngettext('%(num)s day', '%(num)s days')",
        "ngettext('%(count)s account of yours', '%(count)s accounts')",
    ]


def test_it_translates_macros_with_djangos_gettext_and_escapes_values() -> None:
    source = '{{ _("%(bank)s wants you", bank=bank) }}{% trans %} & {{ bank }}{% endtrans %}'
    macro = engines["jinja2"].env.from_string(source)
    with pseudo_locale():
        assert macro.render(bank="<Δ>") == "⟦&lt;Δ&gt; wants you⟧⟦& &lt;Δ&gt;⟧"


def test_it_says_what_to_install_when_gettext_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: None)
    with pytest.raises(CommandError, match="apt-get install gettext"):
        call_command("makemessages", locale=["en"])
