"""Texts that a spreadsheet would run are escaped, and nothing else."""

import pytest

from formats.spreadsheets import escape_formula


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@A1", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠A1", "\u202e=1", "\ufeff=1", "\u200b@"],
)
def test_it_escapes_what_a_spreadsheet_would_run(text: str) -> None:
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Café", "1=1", " =1", "a\u202eb", "'=1", "Ünïcode", "שלום"])
def test_it_leaves_other_texts_as_they_are(text: str) -> None:
    assert escape_formula(text) == text
