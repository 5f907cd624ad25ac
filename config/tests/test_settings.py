"""Start the site in another process with only the environment variables that the test sets."""

import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from devservices import data_dir, envfile, keys
from devservices.data_dir import CHECKOUT

FIELD_KEY = b64encode(bytes.fromhex("8f1c0a77d2e94b3356b1e07a9c44f20d3be6715890c2ad4fe8137d665a09bb2e")).decode()
SIGNING_KEY = b64encode(bytes.fromhex("5be0a1c94472dd0e8f3690b7c12a65fe04d3987b2e51fa6c80397ed5146ab8f2")).decode()
SECRETS = {
    "SECRET_KEY": "kD9-wPz3_Ue8mQvA1xRt7LbNcYh5GjSf2oEiKqZn0TyVdMpXaBsWgHlCuJrOe4F6",
    "FIELD_KEYS": f"kek:{FIELD_KEY}",
    "SIGNING_KEYS": f"sig:{SIGNING_KEY}",
    "PLAID_SECRET": "0123456789abcdef0123456789abcd",
}
# A folder to which no `make run` has written.
DATA_DIR = "/srv/plumbline-data"
PRODUCTION = SECRETS | {
    "PLUMBLINE_HOME": DATA_DIR,
    "PLAID_ENV": "production",
    "PLAID_CLIENT_ID": "5f0000000000000000000000",
    "PUBLIC_URL": "https://plumbline.example",
    "ALLOWED_HOSTS": "plumbline.example",
    "TRUSTED_PROXY_COUNT": "1",
    "DATABASE_URL": "postgres://app_rw:swordfish@db.internal/plumbline?sslmode=verify-full",
    "REDIS_URL": "rediss://:swordfish@redis.internal:6379/0",
    "EMAIL_URL": "smtp+tls://user:swordfish@mail.internal:587",
}


def run_command(*command: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command with production's settings and some changes; ``None`` removes a setting."""
    env = {name: value for name, value in (PRODUCTION | changes).items() if value is not None}
    env |= {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.run(
        [sys.executable, *command], cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False, timeout=120
    )


def test_it_passes_every_deployment_check() -> None:
    completed = run_command("-W", "error", "manage.py", "check", "--deploy", "--fail-level", "DEBUG")
    assert (completed.returncode, completed.stderr) == (0, "")
    assert "no issues" in completed.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"FIELD_KEYS": None}, "FIELD_KEYS"),
        ({"FIELD_KEYS": "kek:c2hvcnQ="}, "FIELD_KEYS"),
        ({"FIELD_KEYS": f"kek:{b64encode(b'a' * 32).decode()}"}, "FIELD_KEYS: kek is"),
        ({"FIELD_KEYS": f"kek:{b64encode(bytes(32)).decode()}"}, "FIELD_KEYS: kek is"),
        ({"FIELD_KEYS": None, "FIELD_KEYS_FILE": "/no/such/file"}, "The file that FIELD_KEYS_FILE names"),
        ({"FIELD_KEYS": None, "FIELD_KEYS_FILE": "/"}, "The file that FIELD_KEYS_FILE names"),
        ({"FIELD_KEYS": None, "FIELD_KEYS_FILE": sys.executable}, "The file that FIELD_KEYS_FILE names"),
        ({"SIGNING_KEYS": None}, "SIGNING_KEYS is empty"),
        ({"SIGNING_KEYS": f"sig:{b64encode(b'a' * 32).decode()}"}, "SIGNING_KEYS: sig is"),
        ({"SIGNING_KEYS": f"sig:{FIELD_KEY}"}, "SIGNING_KEYS: sig is part of FIELD_KEYS"),
        ({"SIGNING_KEYS": None, "SIGNING_KEYS_FILE": "/no/such/file"}, "The file that SIGNING_KEYS_FILE names"),
        ({"SECRET_KEY": None, "SECRET_KEY_FILE": "/no/such/file"}, "The file that SECRET_KEY_FILE names"),
        ({"DATABASE_URL": None, "DATABASE_URL_FILE": "/no/such/file"}, "The file that DATABASE_URL_FILE names"),
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"REDIS_URL": None}, "REDIS_URL"),
        ({"EMAIL_URL": None}, "EMAIL_URL"),
        ({"PLAID_ENV": None}, "PLAID_ENV"),
        ({"PLAID_ENV": "embedded"}, "PLAID_ENV=embedded"),
        ({"PLAID_CLIENT_ID": None}, "PLAID_CLIENT_ID"),
        ({"PLAID_ENV": "sandbox", "PLAID_SECRET": None}, "PLAID_SECRET"),
        ({"DEBUG": "1"}, "DEBUG=1"),
        ({"DEBUG": "1", "PLAID_ENV": "sandbox"}, "public name: plumbline.example"),
        ({"SECRET_KEY": "a-key-that-somebody-made-up"}, "SECRET_KEY is short"),
        ({"SECRET_KEY_FALLBACKS": "x" * 60}, "SECRET_KEY_FALLBACKS is short"),
        ({"TRUSTED_PROXY_COUNT": None}, "TRUSTED_PROXY_COUNT"),
        ({"REDIS_URL": f"unix://{DATA_DIR}/sockets/redis.sock"}, "REDIS_URL names a service"),
        ({"DATABASE_URL": f"postgres://app_rw@/plumbline?host={DATA_DIR}/sockets"}, "DATABASE_URL names a service"),
        ({"PUBLIC_URL": None}, "PUBLIC_URL"),
        ({"DATABASE_URL": "postgres://app_rw:swordfish/2@db.internal/plumbline"}, "DATABASE_URL cannot be read"),
        ({"DATABASE_OPS_URL": "postgres://app_ops:swordfish]@db.internal:x/plumb"}, "DATABASE_OPS_URL cannot be read"),
        ({"REDIS_URL": "redis://:swordfish/2@redis.internal:6379/0"}, "REDIS_URL cannot be read"),
        ({"REDIS_URL": "swordfish"}, "REDIS_URL cannot be read"),
        ({"EMAIL_URL": "smtp+tls://user:swordfish/2@mail.internal:587"}, "EMAIL_URL cannot be read"),
        ({"EXPERIAN_PASSWORD_SET_ON": "swordfish"}, "EXPERIAN_PASSWORD_SET_ON has to be a day"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_it_refuses_to_start_and_names_the_invalid_setting(changes: dict[str, str | None], message: str) -> None:
    completed = run_command("manage.py", "check", "--deploy", **changes)
    assert completed.returncode != 0
    last = completed.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert message in last
    # Neither the traceback nor the message shows a value.
    assert not [value for value in (*SECRETS.values(), "swordfish") if value in completed.stderr]


@pytest.mark.parametrize("command", [["-c", "import config.wsgi"], ["-m", "celery", "-A", "config", "worker"]])
def test_it_refuses_to_start_web_and_workers_with_an_invalid_setting(command: list[str]) -> None:
    completed = run_command(*command, PLAID_ENV="embedded")
    assert completed.returncode != 0
    assert "PLAID_ENV=embedded shows made-up banks" in completed.stderr


# The settings of a command that is typed beside a running `make run`.
DEVELOPMENT = dict.fromkeys(PRODUCTION) | {"DEBUG": "1", "READ_DOT_ENV": "0"}


def test_it_finds_the_services_of_make_run(tmp_path: Path) -> None:
    secrets, ports = keys.generate(), {"SANDBOX_PORT": "4001", "SANDBOX_SMTP_PORT": "4002"}
    dev_settings = data_dir.build_settings(tmp_path / "sockets", secrets, ports)
    envfile.write_env_file(tmp_path / "site.env", dev_settings, "settings")
    code = (
        "from django.conf import settings as s; "
        "print(s.DATABASES['default']['OPTIONS']['host'], s.REDIS_URL, s.EMAIL_PORT, s.PLAID_URL, s.FIELD_KEYS)"
    )
    completed = run_command(
        "-c", code, **DEVELOPMENT | {"PLUMBLINE_HOME": str(tmp_path), "REDIS_URL": "redis://my.own/0"}
    )
    sockets = str(tmp_path / "sockets")
    assert completed.stdout.split() == [
        sockets,
        "redis://my.own/0",
        "4002",
        "http://127.0.0.1:4001",
        secrets["FIELD_KEYS"],
    ]


def test_it_says_to_run_make_run_first(tmp_path: Path) -> None:
    completed = run_command("manage.py", "check", **DEVELOPMENT | {"PLUMBLINE_HOME": str(tmp_path)})
    assert completed.returncode != 0
    assert f"{tmp_path} has not been set up. Run `make run` first" in completed.stderr


def test_it_reads_secrets_from_files(tmp_path) -> None:
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value)
    files = {f"{name}_FILE": str(tmp_path / name) for name in SECRETS}
    completed = run_command("manage.py", "check", **dict.fromkeys(SECRETS), **files)
    assert (completed.returncode, completed.stderr) == (0, "")


def test_it_has_secure_defaults() -> None:
    names = "DEBUG ALLOW_EMBEDDED SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_SSL_REDIRECT SECURE_HSTS_SECONDS"
    code = f"from django.conf import settings as s; print(*[getattr(s, name) for name in {names.split()}])"
    assert run_command("-c", code).stdout.split() == ["False", "False", "True", "True", "True", "63072000"]


def test_it_parses_the_url_of_the_mail_server() -> None:
    names = "EMAIL_HOST EMAIL_PORT EMAIL_HOST_USER EMAIL_HOST_PASSWORD EMAIL_USE_TLS EMAIL_USE_SSL"
    code = f"from django.conf import settings as s; print(*[getattr(s, name) for name in {names.split()}])"
    assert run_command("-c", code).stdout.split() == ["mail.internal", "587", "user", "swordfish", "True", "False"]


def test_it_sends_mail_with_the_time_limited_backend() -> None:
    completed = run_command("-c", "from django.conf import settings; print(settings.EMAIL_BACKEND)")
    assert completed.stdout == "config.smtp.EmailBackend\n"
