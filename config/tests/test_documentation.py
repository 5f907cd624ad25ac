"""What people read in a text editor: the documentation in Markdown."""

from pathlib import Path

import pytest
from django.conf import settings

from config.privacy_document.rendering import MAX_WIDTH

ROOT = Path(settings.BASE_DIR)
DOCUMENTS = sorted(path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_its_lines_fit_the_window_except_rows_of_tables(path: Path) -> None:
    lines = enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1)
    assert [number for number, line in lines if len(line) > MAX_WIDTH and not line.startswith("|")] == []
