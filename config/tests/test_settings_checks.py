import secrets
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_curve
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from django.core.checks import run_checks

from compliance.startup import STARTUP
from config.checks import providers, site
from config.checks.providers import BUREAU_CREDENTIALS
from config.checks.site import is_weak

DATA_DIR = Path("/srv/plumbline")
SMTP = "django.core.mail.backends.smtp.EmailBackend"
VALID = {
    "DEBUG": False,
    "ALLOW_EMBEDDED": False,
    "PLAID_ENV": "production",
    "PLAID_CLIENT_ID": "client",
    "PLAID_SECRET": "hunter2",
    "PLAID_URL": "",
    "PLAID_REFRESH": [],
    "PLAID_REFRESHES_PER_DAY": 3,
    "PLAID_PAID_CALLS_PER_DAY": 0,
    "CREDIT_ENV": "off",
    "EXPERIAN_BASE_URL": "",
    "PUBLIC_URL": "https://plumbline.example",
    "ALLOWED_HOSTS": ["plumbline.example"],
    "DATABASES": {"default": {"HOST": "db.internal"}},
    "REDIS_URL": "rediss://:hunter2@redis.internal:6379/0",
    "SECRET_KEY": "kD9-wPz3_Ue8mQvA1xRt7LbNcYh5GjSf2oEiKqZn0TyVdMpXaBsWgHlCuJrOe4F6",
    "SECRET_KEY_FALLBACKS": [],
    "HEADLESS_JWT_PRIVATE_KEY": "",
    "TRUSTED_PROXY_COUNT": 1,
    "EMAIL_BACKEND": SMTP,
    "EMAIL_HOST": "mail.internal",
    "EMAIL_PORT": 587,
    "SUPPORT_EMAIL": "",
    "DEV_ENVIRONMENT": DATA_DIR / "site.env",
}
LOCAL = {
    "PLAID_ENV": "embedded",
    "PLAID_URL": "http://127.0.0.1:8001",
    "ALLOW_EMBEDDED": True,
    "PUBLIC_URL": "http://localhost:8000",
    "EMAIL_HOST": "127.0.0.1",
    "EMAIL_PORT": 8002,
}
IN_DEBUG = LOCAL | {"DEBUG": True, "ALLOWED_HOSTS": []}
BUREAU = {
    "CREDIT_ENV": "production",
    "EXPERIAN_CLIENT_ID": "bureau-client",
    "EXPERIAN_CLIENT_SECRET": "hunter2",
    "EXPERIAN_USERNAME": "site@plumbline.example",
    "EXPERIAN_PASSWORD": "hunter2",
    "EXPERIAN_SUBSCRIBER_CODE": "1234567",
    "EXPERIAN_PERMISSIBLE_PURPOSE": "3F",
    "EXPERIAN_INQUIRY_CLASS": "soft",
    "EXPERIAN_CLIENT_REFERENCE_ID": "",
}
INVALID_ORIGINS = (
    "plumbline.example",
    "https://",
    "https://plumbline.example/site",
    "https://plumbline.example/?a=1",
    "https://plumbline.example/#a",
    "https://user:pass@plumbline.example",
    "https://plumbline.example:x",
    "https://[plumbline.example",
    "ftp://plumbline.example",
)
OTHER_EMAIL_BACKENDS = ("console", "locmem", "dummy", "filebased")
BUREAU_SANDBOX = {"CREDIT_ENV": "sandbox", "EXPERIAN_CLIENT_REFERENCE_ID": "SBMYSQL"}
SOCKETS = str(DATA_DIR / "sockets")


def run_startup_checks(**changes: object) -> list[str]:
    """The messages of config's startup checks for valid settings with some changes."""
    settings = SimpleNamespace(**VALID | changes)
    with patch.object(providers, "settings", settings), patch.object(site, "settings", settings):
        messages = run_checks(tags=[STARTUP])
    assert all(message.is_serious() for message in messages)
    return [message.msg for message in messages]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"PLAID_ENV": "sandbox"},
        {"PLAID_REFRESH": ["transactions", "balances"], "PLAID_PAID_CALLS_PER_DAY": 100},
        {"PLAID_ENV": "sandbox", "DEBUG": True, "ALLOW_EMBEDDED": True, "PUBLIC_URL": "", "ALLOWED_HOSTS": []},
        {
            "PUBLIC_URL": "https://Plumbline.example:8443",
            "ALLOWED_HOSTS": ["www.plumbline.example", "PLUMBLINE.example."],
        },
        {"PUBLIC_URL": "https://[2001:db8::7]", "ALLOWED_HOSTS": ["[2001:db8::7]"]},
        {"EMAIL_HOST": "localhost", "EMAIL_PORT": 25},
        {"ALLOW_EMBEDDED": True},
        {"SUPPORT_EMAIL": "help@plumbline.example"},
        LOCAL,
        LOCAL | {"DEBUG": True, "ALLOWED_HOSTS": [], "TRUSTED_PROXY_COUNT": 0},
        LOCAL | {"DEBUG": True, "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]", "192.168.1.7", ".plumbline.test"]},
        LOCAL | {"DEBUG": True, "ALLOWED_HOSTS": ["web", "nas.lan"], "PUBLIC_URL": "http://localhost:8000"},
        {"SECRET_KEY": secrets.token_hex(25)},
        {"SECRET_KEY_FALLBACKS": [secrets.token_urlsafe(50)]},
        LOCAL | {"DATABASES": {"default": {"HOST": SOCKETS}}, "REDIS_URL": f"unix://{SOCKETS}/redis.sock"},
        {"DATABASES": {"default": {}}},
        {"CREDIT_ENV": "embedded", "EXPERIAN_BASE_URL": "http://127.0.0.1:8001", "ALLOW_EMBEDDED": True},
        BUREAU,
        BUREAU | {"EXPERIAN_BASE_URL": "https://us-api.experian.com"},
        BUREAU | {"CREDIT_ENV": "uat"},
        BUREAU | BUREAU_SANDBOX | {"EXPERIAN_SUBSCRIBER_CODE": "2222222"},
        # The temporary services of `make check`, which checks the settings of production.
        {"DATABASES": {"default": {"HOST": str(DATA_DIR / "test" / "run-x" / "sockets")}}},
    ],
)
def test_it_accepts_valid_settings(changes: dict[str, object]) -> None:
    assert run_startup_checks(**changes) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PLAID_ENV": ""}, "PLAID_ENV has to be"),
        ({"PLAID_ENV": "development"}, "PLAID_ENV has to be"),
        ({"PLAID_ENV": "Production"}, "PLAID_ENV has to be"),
        ({"PLAID_CLIENT_ID": ""}, "PLAID_CLIENT_ID is missing"),
        ({"PLAID_SECRET": ""}, "PLAID_SECRET is missing"),
        ({"PLAID_ENV": "sandbox", "PLAID_SECRET": ""}, "PLAID_SECRET is missing"),
        ({"DEBUG": True, "ALLOW_EMBEDDED": True, "ALLOWED_HOSTS": [], "PUBLIC_URL": ""}, "DEBUG=1"),
        ({"PLAID_REFRESH": ["balance"], "PLAID_PAID_CALLS_PER_DAY": 9}, "PLAID_REFRESH can list transactions and bal"),
        ({"PLAID_REFRESH": ["balances"]}, "PLAID_REFRESH needs PLAID_PAID_CALLS_PER_DAY"),
        (
            {"PLAID_REFRESH": ["balances"], "PLAID_PAID_CALLS_PER_DAY": 9, "PLAID_REFRESHES_PER_DAY": 0},
            "PLAID_REFRESHES_PER_DAY has to be at least 1",
        ),
        (IN_DEBUG | {"ALLOWED_HOSTS": ["localhost", "plumbline.example"]}, "public name: plumbline.example"),
        (IN_DEBUG | {"ALLOWED_HOSTS": [".plumbline.example"]}, "public name"),
        (IN_DEBUG | {"ALLOWED_HOSTS": ["*"]}, "public name: *"),
        (IN_DEBUG | {"ALLOWED_HOSTS": ["93.184.216.34"]}, "public name"),
        (IN_DEBUG | {"ALLOWED_HOSTS": ["[2606:2800:220:1::1]"]}, "public name"),
        (IN_DEBUG | {"PUBLIC_URL": "https://plumbline.example"}, "PUBLIC_URL has a public name"),
        ({"TRUSTED_PROXY_COUNT": 0}, "TRUSTED_PROXY_COUNT is not set"),
        ({"TRUSTED_PROXY_COUNT": -1}, "TRUSTED_PROXY_COUNT is not set"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL has to be an address"),
        ({"PUBLIC_URL": "http://plumbline.example"}, "PUBLIC_URL has to be the https"),
        ({"ALLOWED_HOSTS": []}, "ALLOWED_HOSTS is empty"),
        ({"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS has * in it"),
        ({"ALLOWED_HOSTS": ["plumbline.example", "*"]}, "ALLOWED_HOSTS has * in it"),
        ({"ALLOWED_HOSTS": ["plumbline.example", ".com"]}, "ALLOWED_HOSTS has .com in it"),
        ({"ALLOWED_HOSTS": ["plumbline.example", ".plumbline.example"]}, "ALLOWED_HOSTS has .plumbline.example in it"),
        ({"ALLOWED_HOSTS": ["plumbline.example", "*.plumbline.example"]}, "ALLOWED_HOSTS has *.plumbline.example"),
        ({"PLAID_ENV": "sandbox", "ALLOWED_HOSTS": ["plumbline.example", "*"]}, "ALLOWED_HOSTS has * in it"),
        (LOCAL | {"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS has * in it"),
        ({"ALLOWED_HOSTS": ["other.example"]}, "PUBLIC_URL names plumbline.example, which is not in ALLOWED_HOSTS"),
        *(({"PUBLIC_URL": url}, "PUBLIC_URL has to be an address") for url in INVALID_ORIGINS),
        (LOCAL | {"PUBLIC_URL": ""}, "PUBLIC_URL has to be an address"),
        *(
            ({"SUPPORT_EMAIL": text}, "SUPPORT_EMAIL has to be")
            for text in ("help", "@a.b", "a@b", "a@b.c?cc=d", "a b@c.d")
        ),
        *(
            ({"EMAIL_BACKEND": f"django.core.mail.backends.{name}.EmailBackend"}, "EMAIL_URL")
            for name in OTHER_EMAIL_BACKENDS
        ),
        (LOCAL | {"ALLOW_EMBEDDED": False}, "PLAID_ENV=embedded shows made-up banks"),
        (LOCAL | {"PLAID_URL": ""}, "needs PLAID_URL"),
        ({"CREDIT_ENV": ""}, "CREDIT_ENV has to be"),
        ({"CREDIT_ENV": "Production"}, "CREDIT_ENV has to be"),
        ({"CREDIT_ENV": "embedded", "EXPERIAN_BASE_URL": "http://127.0.0.1:8001"}, "CREDIT_ENV=embedded shows made-up"),
        ({"CREDIT_ENV": "embedded", "ALLOW_EMBEDDED": True}, "needs EXPERIAN_BASE_URL"),
        *((BUREAU | {name: ""}, f"{name} is missing") for name in BUREAU_CREDENTIALS),
        (BUREAU | BUREAU_SANDBOX | {"EXPERIAN_PERMISSIBLE_PURPOSE": ""}, "EXPERIAN_PERMISSIBLE_PURPOSE is missing"),
        (BUREAU | {"EXPERIAN_INQUIRY_CLASS": ""}, "has to be soft"),
        (BUREAU | {"EXPERIAN_INQUIRY_CLASS": "hard"}, "has to be soft"),
        (BUREAU | {"EXPERIAN_BASE_URL": "http://us-api.experian.com"}, "EXPERIAN_BASE_URL has to be"),
        (BUREAU | {"EXPERIAN_BASE_URL": "https://localhost"}, "EXPERIAN_BASE_URL has to be"),
        (BUREAU | {"EXPERIAN_BASE_URL": "https://sandbox-us-api.experian.com"}, "EXPERIAN_BASE_URL has to be"),
        (BUREAU | {"EXPERIAN_CLIENT_REFERENCE_ID": "SBMYSQL"}, "EXPERIAN_CLIENT_REFERENCE_ID has to be empty"),
        (BUREAU | {"EXPERIAN_SUBSCRIBER_CODE": "2222222"}, "EXPERIAN_SUBSCRIBER_CODE is the one"),
        (BUREAU | IN_DEBUG | {"CREDIT_ENV": "production"}, "CREDIT_ENV=production."),
        ({"DATABASES": {"default": {"HOST": SOCKETS}}}, "DATABASE_URL names a service"),
        ({"REDIS_URL": f"unix://{SOCKETS}/redis.sock"}, "REDIS_URL names a service"),
        ({"DATABASES": {"default": {"HOST": "", "OPTIONS": {"host": SOCKETS}}}}, "DATABASE_URL names a service"),
        ({"DATABASES": {"default": {"HOST": quote(SOCKETS, safe="")}}}, "DATABASE_URL names a service"),
        ({"DATABASES": {"owner": {"HOST": SOCKETS}}}, "DATABASE_OWNER_URL names a service"),
    ],
)
def test_it_reports_invalid_settings(changes: dict[str, object], message: str) -> None:
    (sentence,) = run_startup_checks(**changes)
    assert message in sentence
    assert sentence.endswith(".")
    assert "hunter2" not in sentence


@pytest.fixture
def dev_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings that `make run` wrote: the keys and ports of its sandbox, and sockets in another folder."""
    monkeypatch.setitem(VALID, "DEV_ENVIRONMENT", tmp_path / "site.env")
    lines = (
        "# Written by `make run`.",
        "REDIS_URL=unix:///run/user/1000/plumbline/0f/redis.sock",
        "EMAIL_URL=smtp://127.0.0.1:8002",
        "PLAID_CLIENT_ID=0f0f",
        "PLAID_SECRET=hunter3",
    )
    (tmp_path / "site.env").write_text("\n".join(lines))


@pytest.mark.parametrize(
    "changes",
    [
        {"REDIS_URL": "unix:///run/user/1000/plumbline/0f/redis.sock"},
        {"DATABASES": {"default": {"OPTIONS": {"host": "/run/user/1000/plumbline/0f"}}}},
    ],
)
def test_it_recognizes_development_sockets_in_another_folder(dev_environment: None, changes: dict) -> None:
    (sentence,) = run_startup_checks(**changes)
    assert "names a service that `make run` started" in sentence


@pytest.mark.parametrize("environment", ["production", "sandbox"])
@pytest.mark.parametrize("debug", [{}, {"DEBUG": True, "ALLOWED_HOSTS": [], "PUBLIC_URL": ""}], ids=["", "debug"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PLAID_CLIENT_ID": "0f0f"}, "PLAID_CLIENT_ID is the one of the sandbox program"),
        ({"PLAID_SECRET": "hunter3"}, "PLAID_SECRET is the one of the sandbox program"),
        ({"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": 8002}, "EMAIL_URL leads to the mailbox"),
        ({"EMAIL_HOST": "localhost", "EMAIL_PORT": 8002}, "EMAIL_URL leads to the mailbox"),
    ],
)
def test_it_refuses_the_keys_and_the_mailbox_of_make_run_with_real_banks(
    dev_environment: None, environment: str, debug: dict[str, object], changes: dict[str, object], message: str
) -> None:
    sentences = run_startup_checks(**{"PLAID_ENV": environment, "ALLOW_EMBEDDED": True} | debug | changes)
    is_expected = message[:5] != "EMAIL" or environment == "production"
    assert [message in sentence for sentence in sentences].count(True) == is_expected
    assert "hunter3" not in str(sentences)
    assert "0f0f" not in str(sentences)


def test_it_accepts_the_keys_and_the_mailbox_of_make_run_in_development(dev_environment: None) -> None:
    assert run_startup_checks(**LOCAL | {"PLAID_CLIENT_ID": "0f0f", "PLAID_SECRET": "hunter3"}) == []


WEAK_KEYS = [
    "",
    "hunter2hunter2",
    "x" * 64,
    "0123456789" * 6,
    "correct horse battery staple " * 2,
    "django-insecure-kD9wPz3Ue8mQvA1xRt7LbNcYh5GjSf2oEiKqZn0TyVdMpXa",
    "changeme-kD9wPz3Ue8mQvA1xRt7LbNcYh5GjSf2oEiKqZn0TyVdMpXaBsWgHl",
    secrets.token_urlsafe(50)[:49],
]


@pytest.mark.parametrize("key", WEAK_KEYS, ids=range(len(WEAK_KEYS)))
@pytest.mark.parametrize("settings", [{}, LOCAL, LOCAL | {"DEBUG": True, "ALLOWED_HOSTS": []}])
def test_it_refuses_a_weak_secret_key(settings: dict[str, object], key: str) -> None:
    (sentence,) = run_startup_checks(**settings, SECRET_KEY=key)
    assert sentence.startswith("SECRET_KEY is short")
    (sentence,) = run_startup_checks(**settings, SECRET_KEY_FALLBACKS=[VALID["SECRET_KEY"], key])
    assert sentence.startswith("SECRET_KEY_FALLBACKS is short")
    assert not key or key not in sentence


def test_it_accepts_random_keys() -> None:
    assert not [key for key in (secrets.token_hex(25) for _ in range(2_000)) if is_weak(key)]
    assert not [key for key in (secrets.token_urlsafe(38) for _ in range(2_000)) if is_weak(key)]


def encode_pem(key: RSAPrivateKey | EllipticCurvePrivateKey, passphrase: bytes = b"") -> str:
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def test_it_accepts_a_long_token_key() -> None:
    assert run_startup_checks(HEADLESS_JWT_PRIVATE_KEY=encode_pem(generate_rsa(65537, 3072))) == []


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (encode_pem(generate_rsa(65537, 2048)), "is no RSA key of 3072 bits"),
        (encode_pem(generate_curve(SECP256R1())), "is no RSA key of 3072 bits"),
        (encode_pem(generate_rsa(65537, 2048), b"locked"), "cannot be read"),
        ("hunter2", "cannot be read"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "cannot be read"),
    ],
    ids=["short", "no RSA", "locked", "a word", "cut off"],
)
def test_it_refuses_a_weak_token_key(key: str, message: str) -> None:
    (sentence,) = run_startup_checks(HEADLESS_JWT_PRIVATE_KEY=key)
    assert message in sentence
    assert key not in sentence


def test_it_reports_all_problems_at_once() -> None:
    sentences = run_startup_checks(
        PLAID_CLIENT_ID="", PLAID_SECRET="", PUBLIC_URL="", ALLOWED_HOSTS=[], TRUSTED_PROXY_COUNT=0
    )
    assert len(sentences) == 5
