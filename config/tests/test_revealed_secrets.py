"""Where sealed values are opened: a new place has to be listed here, and thought about."""

import re
from collections import Counter
from pathlib import Path

from django.conf import settings

from config.tests.project_apps import own_apps

REVEALS = re.compile(r"\.reveal(?:_or)?\(")
# How often each module opens a sealed value. An access token is opened by ``banking.credentials.open_token`` alone,
# which records it.
ALLOWED = {
    "accounts/deletion/unsent_receipts.py": 1,
    "accounts/notifications/models.py": 1,
    "accounts/personal_data.py": 1,
    "banking/credentials.py": 1,
    "banking/linking/confirmation.py": 1,
    "banking/linking/sessions.py": 1,
    "compliance/consent/events.py": 1,
    "compliance/export/downloads.py": 1,
    "compliance/export/rows/row_values.py": 2,
    "compliance/export/rows/table_rows.py": 1,
    "compliance/vault/fields.py": 1,
    "credit/enrollment/details.py": 2,
    "credit/personal_data.py": 2,
    "credit/stored/documents.py": 1,
    "credit/stored/parsing.py": 1,
    "credit/views/enrollment.py": 1,
}


def list_modules() -> list[Path]:
    return [
        path
        for app in own_apps()
        for path in (settings.BASE_DIR / app).rglob("*.py")
        if "tests" not in path.parts and "migrations" not in path.parts
    ]


def test_it_opens_sealed_values_only_where_it_is_allowed() -> None:
    reveals = Counter()
    for path in list_modules():
        code = [line for line in path.read_text().splitlines() if "``" not in line]
        reveals[str(path.relative_to(settings.BASE_DIR))] += len(REVEALS.findall("\n".join(code)))
    assert {name: number for name, number in reveals.items() if number} == ALLOWED


def test_it_opens_access_tokens_in_one_module() -> None:
    access_token = re.compile(r"access_token\.reveal|access_token\.sealed")
    modules = {
        str(path.relative_to(settings.BASE_DIR)) for path in list_modules() if access_token.search(path.read_text())
    }
    assert modules == {"banking/credentials.py"}
