"""The bureau's answer for its person's eyes: what is masked, what is left alone, and how it is cut into pages."""

import json

import pytest
from django.utils.html import escape
from hypothesis import given
from hypothesis import strategies as st

from credit.presentation.raw_report import (
    PAGE_BYTES,
    InvalidJson,
    list_sections,
    mask,
    redact,
    render_page,
    split_sections,
)

SSN = "666011001"
PROFILE = {
    "headerRecord": [{"reportDate": "112226", "y2kReportedDate": "11222026"}],
    "ssn": [{"number": SSN, "ssnIndicators": "YYYYYYYYY", "variationIndicator": "0"}],
    "fraudShield": [{"socialCount": "0", "socialDate": "01152001", "socialErrorCode": "01"}],
    "tradeline": [
        {"subscriberName": "PLATTE BANK", "accountNumber": "4111222233334444", "balanceAmount": "00001140"},
        {"subscriberName": "SMALL SHOP", "accountNumber": "12345", "balanceAmount": "00000000"},
    ],
    "informationalMessage": [{"messageText": f"SSN {SSN} AND 666-01-1001 MATCH"}],
    "uniqueConsumerIdentifier": {"value": "98765432109876543", "verificationIndicator": "Y"},
    "addressInformation": [{"zipCode": "463600000", "streetName": "MAPLE"}],
}


def redact_profile(profile: object = PROFILE) -> dict:
    found = redact(json.dumps({"creditProfile": [profile]}).encode())
    return found["creditProfile"][0]


def test_it_masks_numbers_wherever_they_stand() -> None:
    text = json.dumps(redact_profile(), ensure_ascii=False)
    for secret in (SSN, "666-01-1001", "4111222233334444", "12345", "98765432109876543"):
        assert secret not in text
    assert redact_profile()["ssn"][0]["number"] == "•••••1001"
    assert redact_profile()["informationalMessage"][0]["messageText"] == "SSN •••••1001 AND •••••••1001 MATCH"


def test_it_leaves_four_characters_of_a_long_number_and_none_of_a_short_one() -> None:
    long, short = redact_profile()["tradeline"]
    assert (long["accountNumber"], short["accountNumber"]) == ("•" * 12 + "4444", "•••••")
    assert (mask("1234567"), mask("12345678"), mask("")) == ("•••••••", "••••5678", "")


def test_it_leaves_everything_else_as_it_is() -> None:
    found = redact_profile()
    for name in ("headerRecord", "fraudShield", "addressInformation"):
        assert found[name] == PROFILE[name]
    assert found["ssn"][0]["ssnIndicators"] == "YYYYYYYYY"
    assert [each["balanceAmount"] for each in found["tradeline"]] == ["00001140", "00000000"]


@pytest.mark.parametrize(
    "profile",
    [
        {"ssn": {"number": 666011001}},
        {"SSN": [{"Number": "666-01-1001"}]},
        {"consumer": {"ssn": "666011001"}},
        {"consumer": {"ssnNumber": "666011001", "note": "is 666011001"}},
        {"socialSecurityNumber": "666-01-1001"},
        {"tradeline": {"AccountNumber": 666011001}},
        {"ssn": [[{"number": "666011001"}]]},
    ],
)
def test_it_masks_them_in_any_form(profile: dict) -> None:
    text = json.dumps(redact_profile(profile), ensure_ascii=False)
    assert "666011001" not in text
    assert "666-01-1001" not in text


def test_it_does_not_take_zeros_for_a_number_to_look_for() -> None:
    found = redact_profile({"ssn": [{"number": "000000000"}], "tradeline": [{"balanceAmount": "000000000"}]})
    assert found["tradeline"][0]["balanceAmount"] == "000000000"


@pytest.mark.parametrize("raw", [b"", b"<html>", b'{"creditProfile": [', b"\xff\xfe", b"[" * 100_000])
def test_it_shows_nothing_of_what_it_cannot_read(raw: bytes) -> None:
    with pytest.raises(InvalidJson):
        redact(raw)


def test_it_takes_an_answer_apart_by_its_sections() -> None:
    parts = split_sections({"creditProfile": [{"ssn": [1, 2], "endTotals": {}}, {"ssn": []}], "success": True})
    assert [(each.name, each.rows) for each in list_sections(parts)] == [
        ("ssn", 2),
        ("endTotals", 1),
        ("ssn (2)", 0),
        ("success", 1),
    ]


@pytest.mark.parametrize("document", [None, 7, "text", [], [1], {}, {"creditProfile": None}, {"creditProfile": "x"}])
def test_it_shows_an_answer_of_any_form(document: object) -> None:
    parts = split_sections(redact(json.dumps(document).encode()))
    assert bool(parts) == (document != {})
    assert {render_page(part, number=1).count for part in parts.values()} <= {1}


def test_it_cuts_a_long_section_into_pages_that_make_up_the_whole() -> None:
    part = [{"text": f"<{number}>" * 20} for number in range(2000)]
    pages = [render_page(part, number=number) for number in range(1, render_page(part, number=1).count + 1)]
    assert len(pages) > 2
    assert "\n".join(each.text for each in pages) == json.dumps(part, indent=2)
    assert max(len(escape(each.text).encode()) for each in pages) <= PAGE_BYTES
    assert [(each.before, each.after) for each in (pages[0], pages[-1])] == [(0, 2), (len(pages) - 1, 0)]


def test_it_cuts_a_line_that_has_no_end() -> None:
    text = "x" * 100_000
    first = render_page(text, number=1)
    pages = [render_page(text, number=number).text for number in range(1, first.count + 1)]
    assert "".join(pages).replace("\n", "") == f'"{text}"'
    assert max(map(len, pages)) <= PAGE_BYTES


def test_it_gives_the_nearest_page_for_a_number_that_is_none() -> None:
    assert (render_page([], number=-3).number, render_page([], number=99).number) == (1, 1)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from([SSN, "666-01-1001"])
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ssn", "number", "creditProfile", "accountNumber", "text"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_it_hides_a_number_that_stands_where_one_is_expected(document: object) -> None:
    whole = {"creditProfile": [{"ssn": [{"number": SSN}], "rest": document}]}
    found = redact(json.dumps(whole).encode())
    text = json.dumps(found, ensure_ascii=False)
    assert SSN not in text
    assert "666-01-1001" not in text
    for part in split_sections(found).values():
        render_page(part, number=1)
