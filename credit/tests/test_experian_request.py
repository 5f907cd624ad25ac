from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.experian.request import build_applicant, build_request
from credit.provider import Applicant, BureauInputError
from credit.tests.client_samples import ADA, PROFILE


def build_section(**changes):
    return build_applicant(replace(ADA, **changes), is_sample=True)


def get_rejected_field(**changes):
    with pytest.raises(BureauInputError) as error_info:
        build_section(**changes)
    assert error_info.value.__context__ is None
    return error_info.value.field


def test_it_builds_the_section_of_an_applicant():
    applicant = Applicant(
        first_name="John",
        middle_name="N.",
        last_name="Cann",
        suffix="Jr.",
        line1="510  Mondre St",
        line2="Apt 3",
        city="Michigan City",
        state="in",
        zip_code="46360-1234",
        birth=date(1955, 11, 1),
        ssn="666-11-1111",
    )
    assert build_applicant(applicant, is_sample=True) == {
        "name": {"lastName": "CANN", "firstName": "JOHN", "middleName": "N", "generationCode": "J"},
        "currentAddress": {
            "line1": "510 MONDRE ST",
            "line2": "APT 3",
            "city": "MICHIGAN CITY",
            "state": "IN",
            "zipCode": "463601234",
        },
        "dob": {"dob": "11011955"},
        "ssn": {"ssn": "666111111"},
    }


def test_it_omits_missing_details():
    minimal = Applicant(first_name="A", last_name="B", line1="1 C", zip_code="46360")
    assert build_applicant(minimal, is_sample=True) == {
        "name": {"lastName": "B", "firstName": "A"},
        "currentAddress": {"line1": "1 C", "zipCode": "46360"},
    }


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("O'Ddity", "O'DDITY"),
        ("O\N{RIGHT SINGLE QUOTATION MARK}Brien", "O'BRIEN"),
        ("D'Angelo", "D'ANGELO"),
        ("L'Amour", "L'AMOUR"),
        ("N'Diaye", "NDIAYE"),
        ("Shaw-O'Neil", "SHAW-O'NEIL"),
        ("De la Cruz", "DE-LA-CRUZ"),
        ("  Núñez ", "NUNEZ"),
        ("St. John", "ST-JOHN"),
        ("Foot'", "FOOT"),
        ("Aldo'x", "ALDOX"),
    ],
)
def test_it_writes_names_with_the_bureaus_characters(typed, expected):
    assert build_section(last_name=typed)["name"]["lastName"] == expected


@pytest.mark.parametrize("name", ["", " ", "-", "'", "A1", "李", "A/B", "A" * 33, "A\0B", "A;B"])
def test_it_rejects_a_name_that_the_bureau_would_reject(name):
    assert get_rejected_field(last_name=name) == "last_name"
    assert get_rejected_field(first_name=name) == "first_name"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"zip_code": "4636"}, "zip_code"),
        ({"zip_code": "46360-12"}, "zip_code"),
        ({"zip_code": "٤٦٣٦٠"}, "zip_code"),
        ({"state": "Indiana"}, "state"),
        ({"line1": ""}, "line1"),
        ({"line1": "x" * 61}, "line1"),
        ({"line1": "1 \0"}, "line1"),
        ({"city": "李"}, "city"),
        ({"suffix": "Esq"}, "suffix"),
        ({"birth": 1800}, "birth"),
        ({"birth": 99}, "birth"),
    ],
)
def test_it_raises_with_the_rejected_field(changes, field):
    assert get_rejected_field(**changes) == field


@pytest.mark.parametrize(
    ("ssn", "expected"), [("666011001", "666011001"), ("666-01-1001", "666011001"), ("1001", "1001")]
)
def test_it_sends_the_full_number_or_the_last_four_digits(ssn, expected):
    assert build_section(ssn=ssn)["ssn"] == {"ssn": expected}


@pytest.mark.parametrize("ssn", ["66601100", "6660110011", "666-011001x", "66601 1001", "٦٦٦٠١١٠٠١", "abc", "100"])
def test_it_rejects_an_invalid_number(ssn):
    with pytest.raises(BureauInputError):
        build_section(ssn=ssn)


@pytest.mark.parametrize("ssn", ["666011001", "000121234", "900121234", "123001234", "123450000"])
def test_it_rejects_unissued_numbers_in_production(ssn):
    with pytest.raises(BureauInputError) as error_info:
        build_request(replace(ADA, ssn=ssn), replace(PROFILE, environment="production"))
    assert error_info.value.field == "ssn"


def test_it_sends_a_year_of_birth():
    assert build_section(birth=1955)["dob"] == {"dob": "1955"}


def test_it_sends_the_vendor_only_if_set():
    assert "vendorData" not in build_request(ADA, PROFILE)
    request = build_request(ADA, replace(PROFILE, vendor_number="072", vendor_version="1.0"))
    assert request["vendorData"] == {"vendorNumber": "072", "vendorVersion": "1.0"}


FIELDS = ("first_name", "last_name", "line1", "zip_code", "ssn")


@given(st.builds(Applicant, **dict.fromkeys(FIELDS, st.text())))
def test_it_accepts_or_rejects_any_input(applicant):
    field = ""
    try:
        build_applicant(applicant, is_sample=True)
    except BureauInputError as error:
        field = error.field
    assert field in ("", *FIELDS)
