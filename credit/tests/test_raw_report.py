"""The raw report as the user sees it: what is masked, what is left as it is, and how it is split into pages."""

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
    redacted = redact(json.dumps({"creditProfile": [profile]}).encode())
    return redacted["creditProfile"][0]


def test_it_masks_secret_numbers_everywhere_in_the_report() -> None:
    text = json.dumps(redact_profile(), ensure_ascii=False)
    for secret in (SSN, "666-01-1001", "4111222233334444", "12345", "98765432109876543"):
        assert secret not in text
    assert redact_profile()["ssn"][0]["number"] == "•••••1001"
    assert redact_profile()["informationalMessage"][0]["messageText"] == "SSN •••••1001 AND •••••••1001 MATCH"


def test_it_shows_four_characters_of_a_long_number_and_none_of_a_short_one() -> None:
    long, short = redact_profile()["tradeline"]
    assert (long["accountNumber"], short["accountNumber"]) == ("•" * 12 + "4444", "•••••")
    assert (mask("1234567"), mask("12345678"), mask("")) == ("•••••••", "••••5678", "")


def test_it_leaves_everything_else_as_it_is() -> None:
    redacted = redact_profile()
    for name in ("headerRecord", "fraudShield", "addressInformation"):
        assert redacted[name] == PROFILE[name]
    assert redacted["ssn"][0]["ssnIndicators"] == "YYYYYYYYY"
    assert [account["balanceAmount"] for account in redacted["tradeline"]] == ["00001140", "00000000"]


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
def test_it_masks_secret_numbers_in_any_document_shape(profile: dict) -> None:
    text = json.dumps(redact_profile(profile), ensure_ascii=False)
    assert "666011001" not in text
    assert "666-01-1001" not in text


def test_it_does_not_mask_other_zeros_when_the_ssn_is_all_zeros() -> None:
    redacted = redact_profile({"ssn": [{"number": "000000000"}], "tradeline": [{"balanceAmount": "000000000"}]})
    assert redacted["tradeline"][0]["balanceAmount"] == "000000000"


@pytest.mark.parametrize("raw", [b"", b"<html>", b'{"creditProfile": [', b"\xff\xfe", b"[" * 100_000])
def test_it_refuses_to_show_invalid_json(raw: bytes) -> None:
    with pytest.raises(InvalidJson):
        redact(raw)


def test_it_splits_a_report_into_its_sections() -> None:
    sections = split_sections({"creditProfile": [{"ssn": [1, 2], "endTotals": {}}, {"ssn": []}], "success": True})
    assert [(section.name, section.rows) for section in list_sections(sections)] == [
        ("ssn", 2),
        ("endTotals", 1),
        ("ssn (2)", 0),
        ("success", 1),
    ]


@pytest.mark.parametrize("document", [None, 7, "text", [], [1], {}, {"creditProfile": None}, {"creditProfile": "x"}])
def test_it_renders_a_document_of_any_shape(document: object) -> None:
    sections = split_sections(redact(json.dumps(document).encode()))
    assert bool(sections) == (document != {})
    assert {render_page(section, number=1).count for section in sections.values()} <= {1}


def test_it_splits_a_long_section_into_pages_without_loss() -> None:
    rows = [{"text": f"<{number}>" * 20} for number in range(2000)]
    pages = [render_page(rows, number=number) for number in range(1, render_page(rows, number=1).count + 1)]
    assert len(pages) > 2
    assert "\n".join(page.text for page in pages) == json.dumps(rows, indent=2)
    assert max(len(escape(page.text).encode()) for page in pages) <= PAGE_BYTES
    assert [(page.before, page.after) for page in (pages[0], pages[-1])] == [(0, 2), (len(pages) - 1, 0)]


def test_it_splits_an_overlong_line() -> None:
    text = "x" * 100_000
    first = render_page(text, number=1)
    pages = [render_page(text, number=number).text for number in range(1, first.count + 1)]
    assert "".join(pages).replace("\n", "") == f'"{text}"'
    assert max(map(len, pages)) <= PAGE_BYTES


def test_it_returns_the_nearest_page_for_a_number_out_of_range() -> None:
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
def test_it_masks_the_ssn_whatever_else_the_document_contains(document: object) -> None:
    report = {"creditProfile": [{"ssn": [{"number": SSN}], "rest": document}]}
    redacted = redact(json.dumps(report).encode())
    text = json.dumps(redacted, ensure_ascii=False)
    assert SSN not in text
    assert "666-01-1001" not in text
    for section in split_sections(redacted).values():
        render_page(section, number=1)
