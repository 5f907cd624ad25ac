"""Whether the site starts, in a process of its own whose environment holds what the test says and nothing else."""

import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from devservices import data_dir, envfile, keys
from devservices.data_dir import CHECKOUT

FIELD_KEY = b64encode(bytes.fromhex("8f1c0a77d2e94b3356b1e07a9c44f20d3be6715890c2ad4fe8137d665a09bb2e")).decode()
SECRETS = {
    "SECRET_KEY": "kD9-wPz3_Ue8mQvA1xRt7LbNcYh5GjSf2oEiKqZn0TyVdMpXaBsWgHlCuJrOe4F6",
    "FIELD_KEYS": f"kek:{FIELD_KEY}",
    "PLAID_SECRET": "0123456789abcdef0123456789abcd",
}
# Where no `make run` has written anything.
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


def start(*command: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command with production's settings, changed as told; ``None`` takes a setting away."""
    chosen = {name: value for name, value in (PRODUCTION | changes).items() if value is not None}
    chosen |= {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.run(
        [sys.executable, *command], cwd=CHECKOUT, env=chosen, capture_output=True, text=True, check=False, timeout=120
    )


def test_it_passes_every_check_for_deployment() -> None:
    done = start("-W", "error", "manage.py", "check", "--deploy", "--fail-level", "DEBUG")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("changes", "named"),
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
def test_it_does_not_start_and_says_which_setting_is_to_blame(changes: dict[str, str | None], named: str) -> None:
    done = start("manage.py", "check", "--deploy", **changes)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert named in last
    # The traceback shows lines of code; the sentence for the operator shows no value.
    assert not [value for value in (*SECRETS.values(), "swordfish") if value in done.stderr]


@pytest.mark.parametrize("command", [["-c", "import config.wsgi"], ["-m", "celery", "-A", "config", "worker"]])
def test_it_starts_neither_web_nor_worker_with_a_setting_that_is_to_blame(command: list[str]) -> None:
    done = start(*command, PLAID_ENV="embedded")
    assert done.returncode != 0
    assert "PLAID_ENV=embedded shows made-up banks" in done.stderr


# What somebody types beside a running `make run`, whose settings nobody sets by hand.
BY_HAND = dict.fromkeys(PRODUCTION) | {"DEBUG": "1", "READ_DOT_ENV": "0"}


def test_a_command_by_hand_finds_the_services_of_make_run(tmp_path: Path) -> None:
    made, ports = keys.generate(), {"SANDBOX_PORT": "4001", "SANDBOX_SMTP_PORT": "4002"}
    written = data_dir.build_settings(tmp_path / "sockets", made, ports)
    envfile.write_env_file(tmp_path / "site.env", written, "settings")
    look = (
        "from django.conf import settings as s; "
        "print(s.DATABASES['default']['OPTIONS']['host'], s.REDIS_URL, s.EMAIL_PORT, s.PLAID_URL, s.FIELD_KEYS)"
    )
    done = start("-c", look, **BY_HAND | {"PLUMBLINE_HOME": str(tmp_path), "REDIS_URL": "redis://my.own/0"})
    sockets = str(tmp_path / "sockets")
    assert done.stdout.split() == [sockets, "redis://my.own/0", "4002", "http://127.0.0.1:4001", made["FIELD_KEYS"]]


def test_a_command_by_hand_says_what_to_run_before_the_first_start(tmp_path: Path) -> None:
    done = start("manage.py", "check", **BY_HAND | {"PLUMBLINE_HOME": str(tmp_path)})
    assert done.returncode != 0
    assert f"{tmp_path} has not been set up. Run `make run` first" in done.stderr


def test_it_takes_a_secret_from_a_file(tmp_path) -> None:
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value)
    files = {f"{name}_FILE": str(tmp_path / name) for name in SECRETS}
    done = start("manage.py", "check", **dict.fromkeys(SECRETS), **files)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_hardens_itself_unless_told_otherwise() -> None:
    names = "DEBUG ALLOW_EMBEDDED SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_SSL_REDIRECT SECURE_HSTS_SECONDS"
    look = f"from django.conf import settings as s; print(*[getattr(s, name) for name in {names.split()}])"
    assert start("-c", look).stdout.split() == ["False", "False", "True", "True", "True", "63072000"]


def test_it_takes_apart_the_address_of_the_mail_server() -> None:
    names = "EMAIL_HOST EMAIL_PORT EMAIL_HOST_USER EMAIL_HOST_PASSWORD EMAIL_USE_TLS EMAIL_USE_SSL"
    look = f"from django.conf import settings as s; print(*[getattr(s, name) for name in {names.split()}])"
    assert start("-c", look).stdout.split() == ["mail.internal", "587", "user", "swordfish", "True", "False"]


def test_it_sends_mail_in_a_hurry() -> None:
    shown = start("-c", "from django.conf import settings; print(settings.EMAIL_BACKEND)")
    assert shown.stdout == "config.smtp.EmailBackend\n"
