from types import SimpleNamespace

import pytest

from config.embedded.home import locate
from config.refusals import problems

GOOD = {
    "DEBUG": False,
    "ALLOW_EMBEDDED": False,
    "PLAID_ENV": "production",
    "PLAID_CLIENT_ID": "client",
    "PLAID_SECRET": "hunter2",
    "PLAID_URL": "",
    "PUBLIC_URL": "https://plumbline.example",
    "ALLOWED_HOSTS": ["plumbline.example"],
    "DATABASES": {"default": {"HOST": "db.internal"}},
    "REDIS_URL": "rediss://:hunter2@redis.internal:6379/0",
}
LOCAL = {"PLAID_ENV": "embedded", "PLAID_URL": "http://127.0.0.1:8001", "ALLOW_EMBEDDED": True, "PUBLIC_URL": ""}
INSIDE = str(locate().sockets)


def found(**changes: object) -> list[str]:
    return problems(SimpleNamespace(**GOOD | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"PLAID_ENV": "sandbox"},
        {"PLAID_ENV": "sandbox", "DEBUG": True, "ALLOW_EMBEDDED": True, "PUBLIC_URL": "", "ALLOWED_HOSTS": []},
        LOCAL,
        LOCAL | {"DEBUG": True, "ALLOWED_HOSTS": []},
        LOCAL | {"DATABASES": {"default": {"HOST": INSIDE}}, "REDIS_URL": f"unix://{INSIDE}/redis.sock"},
        {"DATABASES": {"default": {}}},
        # The throw-away services of `make check`, which judges the settings of production.
        {"DATABASES": {"default": {"HOST": str(locate().root / "test" / "run-x" / "sockets")}}},
    ],
)
def test_it_has_nothing_against_settings_that_fit(changes: dict[str, object]) -> None:
    assert found(**changes) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"PLAID_ENV": ""}, "PLAID_ENV has to be"),
        ({"PLAID_ENV": "development"}, "PLAID_ENV has to be"),
        ({"PLAID_ENV": "Production"}, "PLAID_ENV has to be"),
        ({"PLAID_CLIENT_ID": ""}, "PLAID_CLIENT_ID is missing"),
        ({"PLAID_SECRET": ""}, "PLAID_SECRET is missing"),
        ({"PLAID_ENV": "sandbox", "PLAID_SECRET": ""}, "PLAID_SECRET is missing"),
        ({"DEBUG": True, "ALLOW_EMBEDDED": True}, "DEBUG=1"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL has to be the https"),
        ({"PUBLIC_URL": "http://plumbline.example"}, "PUBLIC_URL has to be the https"),
        ({"ALLOWED_HOSTS": []}, "ALLOWED_HOSTS is empty"),
        (LOCAL | {"ALLOW_EMBEDDED": False}, "PLAID_ENV=embedded shows made-up banks"),
        (LOCAL | {"PLAID_URL": ""}, "needs PLAID_URL"),
        ({"DATABASES": {"default": {"HOST": INSIDE}}}, "DATABASE_URL names a service"),
        ({"REDIS_URL": f"unix://{INSIDE}/redis.sock"}, "REDIS_URL names a service"),
    ],
)
def test_it_says_what_does_not_fit(changes: dict[str, object], named: str) -> None:
    (sentence,) = found(**changes)
    assert named in sentence
    assert sentence.endswith(".")
    assert "hunter2" not in sentence


def test_it_says_all_at_once() -> None:
    assert len(found(PLAID_CLIENT_ID="", PLAID_SECRET="", PUBLIC_URL="", ALLOWED_HOSTS=[])) == 4
