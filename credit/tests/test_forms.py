"""Which input the details form accepts, and at which field it reports an error."""

from datetime import date

import pytest
import time_machine

from credit.forms import DetailsForm
from credit.tests.page_steps import ADA

pytestmark = pytest.mark.dates


def fill_form(signed_as: str = "Ada Mercer", last_four: str = "", **changes: str) -> DetailsForm:
    return DetailsForm({**ADA, **changes}, signed_as=signed_as, last_four=last_four)


def test_it_returns_an_applicant() -> None:
    form = fill_form(middle_name=" Marie ", line2="Apt 2")
    assert form.is_valid(), form.errors
    applicant = form.applicant()
    assert (applicant.first_name, applicant.middle_name, applicant.last_name) == ("Ada", "Marie", "Mercer")
    assert (applicant.line1, applicant.line2, applicant.zip_code, applicant.state) == (
        "101 Maple St",
        "Apt 2",
        "46360",
        "IN",
    )
    assert (applicant.birth, applicant.ssn) == (date(1971, 1, 15), "666011001")
    assert form.cleaned_data["keep_ssn"] is False


@pytest.mark.parametrize("number", ["666011001", "666-01-1001", "666 01 1001", " 666-011001 "])
def test_it_accepts_a_number_with_separators(number: str) -> None:
    assert fill_form(ssn=number).is_valid()


@pytest.mark.parametrize("number", ["", "666", "66601100", "6660110011", "666-01-100x", "٦٦٦٠١١٠٠١", "000000000" * 2])
def test_it_rejects_an_invalid_number(number: str) -> None:
    form = fill_form(ssn=number)
    assert set(form.errors) == {"ssn"}


@pytest.mark.parametrize("number", ["123-45-6789", "123456789", "900-12-3456"])
def test_it_rejects_real_numbers_on_a_sample_site(number: str) -> None:
    form = fill_form(ssn=number)
    assert "accept real Social Security numbers" in str(form.errors["ssn"])


@pytest.mark.parametrize("number", ["666-01-1001", "000-12-3456", "123-00-4567", "123-45-0000", "987-65-4321"])
def test_it_rejects_unissued_numbers_in_production(number: str, settings) -> None:
    settings.CREDIT_ENV = "production"
    assert set(fill_form(ssn=number).errors) == {"ssn"}
    assert fill_form(ssn="123-45-6789").is_valid()


def test_it_never_shows_the_number_again() -> None:
    form = fill_form(ssn="666-01-100", zip_code="nowhere")
    page = form.as_p()
    assert "666-01-100" not in page
    assert 'autocomplete="off"' in str(form["ssn"])
    assert 'inputmode="numeric"' in str(form["ssn"])
    assert "value=" not in str(form["ssn"])
    assert "nowhere" in page


def test_it_uses_known_last_four_digits() -> None:
    form = fill_form(ssn="", last_four="1001")
    assert form.is_valid(), form.errors
    assert form.applicant().ssn == "1001"
    form_with_ssn = fill_form(last_four="1001")
    assert form_with_ssn.is_valid()
    assert form_with_ssn.applicant().ssn == "666011001"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_name", "Ada1"),
        ("first_name", "阿达"),
        ("first_name", "A" * 33),
        ("middle_name", "M@rie"),
        ("last_name", "Mercer!"),
        ("line1", "東京 1"),
        ("line1", "x" * 61),
        ("city", "Zürich→"),
        ("state", "I9"),
        ("state", "Indiana"),
        ("zip_code", "4636"),
        ("zip_code", "46360-12"),
        ("birth", "yesterday"),
        ("birth", "1750-01-01"),
        ("suffix", "Duke"),
    ],
)
def test_it_reports_values_that_the_bureau_would_reject(field: str, value: str) -> None:
    form = fill_form(**{field: value}, signed_as=f"{value} Mercer" if field == "first_name" else "Ada Mercer")
    assert field in form.errors
    assert set(form.errors) <= {field, "first_name"}


def test_it_reports_all_errors_at_once() -> None:
    form = fill_form(middle_name="7", line1="→", zip_code="x", birth="1750-01-01", ssn="1")
    assert set(form.errors) == {"middle_name", "line1", "zip_code", "birth", "ssn"}


@pytest.mark.parametrize("name", ["O'Ddity", "O’Ddity", "Mercer-Smith", "Núñez"])
def test_it_accepts_names_with_apostrophes_hyphens_and_accents(name: str) -> None:
    form = fill_form(last_name=name, signed_as=f"Ada {name}")
    assert form.is_valid(), form.errors


@pytest.mark.parametrize(
    ("today", "birth", "is_adult"),
    [
        ("2026-11-22", "2008-11-22", True),
        ("2026-11-22", "2008-11-23", False),
        ("2026-02-28", "2008-02-29", False),
        ("2026-03-01", "2008-02-29", True),
        ("2026-11-22", "2030-01-01", False),
    ],
)
def test_it_rejects_minors(today: str, birth: str, is_adult: bool) -> None:
    with time_machine.travel(f"{today}T12:00:00Z", tick=False):
        assert fill_form(birth=birth).is_valid() is is_adult


def test_it_accepts_american_dates() -> None:
    form = fill_form(birth="01/15/1971")
    assert form.is_valid()
    assert form.applicant().birth == date(1971, 1, 15)


def test_it_requires_the_signed_name() -> None:
    form = fill_form(signed_as="Adam Mercer")
    assert "signed with: Adam Mercer." in str(form.errors["first_name"])
    assert not fill_form(signed_as='<script>"x"').is_valid()
    assert "<script>" not in str(fill_form(signed_as='<script>"x"').errors)


def test_it_adds_the_bureaus_rejection_to_a_field() -> None:
    form = fill_form()
    assert form.is_valid()
    form.refuse("zip_code")
    form.refuse("")
    form.refuse("zip_code")
    assert len(form.errors["zip_code"]) == 1
    assert len(form.non_field_errors()) == 1
