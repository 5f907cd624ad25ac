from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.experian.request import build_applicant, build_request
from credit.provider import Applicant, BureauInputError
from credit.tests.client_samples import ADA, PROFILE


def build(**changes):
    return build_applicant(replace(ADA, **changes), is_sample=True)


def refused_field(**changes):
    with pytest.raises(BureauInputError) as caught:
        build(**changes)
    assert caught.value.__context__ is None
    return caught.value.field


def test_it_writes_a_person_as_the_bureau_wants_one():
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


def test_it_leaves_out_what_it_is_not_told():
    bare = Applicant(first_name="A", last_name="B", line1="1 C", zip_code="46360")
    assert build_applicant(bare, is_sample=True) == {
        "name": {"lastName": "B", "firstName": "A"},
        "currentAddress": {"line1": "1 C", "zipCode": "46360"},
    }


@pytest.mark.parametrize(
    ("typed", "sent"),
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
def test_it_writes_names_with_what_the_bureau_allows(typed, sent):
    assert build(last_name=typed)["name"]["lastName"] == sent


@pytest.mark.parametrize("name", ["", " ", "-", "'", "A1", "李", "A/B", "A" * 33, "A\0B", "A;B"])
def test_it_refuses_a_name_that_the_bureau_would_refuse(name):
    assert refused_field(last_name=name) == "last_name"
    assert refused_field(first_name=name) == "first_name"


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
def test_it_says_which_detail_is_to_blame(changes, field):
    assert refused_field(**changes) == field


@pytest.mark.parametrize(("ssn", "sent"), [("666011001", "666011001"), ("666-01-1001", "666011001"), ("1001", "1001")])
def test_it_sends_a_whole_number_or_the_last_four(ssn, sent):
    assert build(ssn=ssn)["ssn"] == {"ssn": sent}


@pytest.mark.parametrize("ssn", ["66601100", "6660110011", "666-011001x", "66601 1001", "٦٦٦٠١١٠٠١", "abc", "100"])
def test_it_refuses_a_number_of_another_form(ssn):
    with pytest.raises(BureauInputError):
        build(ssn=ssn)


@pytest.mark.parametrize("ssn", ["666011001", "000121234", "900121234", "123001234", "123450000"])
def test_it_refuses_in_production_a_number_that_was_never_issued(ssn):
    with pytest.raises(BureauInputError) as caught:
        build_request(replace(ADA, ssn=ssn), replace(PROFILE, environment="production"))
    assert caught.value.field == "ssn"


def test_it_sends_a_year_of_birth():
    assert build(birth=1955)["dob"] == {"dob": "1955"}


def test_it_names_its_vendor_only_where_one_is_set():
    assert "vendorData" not in build_request(ADA, PROFILE)
    named = build_request(ADA, replace(PROFILE, vendor_number="072", vendor_version="1.0"))
    assert named["vendorData"] == {"vendorNumber": "072", "vendorVersion": "1.0"}


FIELDS = ("first_name", "last_name", "line1", "zip_code", "ssn")


@given(st.builds(Applicant, **dict.fromkeys(FIELDS, st.text())))
def test_it_accepts_or_refuses_whatever_a_person_types(applicant):
    blamed = ""
    try:
        build_applicant(applicant, is_sample=True)
    except BureauInputError as error:
        blamed = error.field
    assert blamed in ("", *FIELDS)
