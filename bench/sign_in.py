"""The time and memory of a password hash, and whether response times reveal which email addresses have an account.

Each form is submitted alternately with known and unknown addresses. Rate limits are disabled, because they would
respond instead of the form. Each attempt has its own email address, so that none is locked out.
"""

import itertools
import resource
import statistics
from collections.abc import Callable, Iterator

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse

from accounts.models import User
from bench.harness.rounds import (
    Case,
    Goal,
    Round,
    differences,
    goal_at_most,
    make_goal,
    measure_seconds,
    median,
    print_result,
    run_rounds,
)
from bench.harness.servers import collect_static_files
from compliance.consent.legal_texts import current_version

ROUNDS = 50
# With the attempts that the rate limits allow, a smaller difference cannot be told from network noise.
MOST_DIFFERENCE_MS = 50
HASH_MS = (100, 250)
HASH_MIB = 64
MOST_REFUSAL_SECONDS = 2
PASSWORD = "correct horse battery staple"

# The boxes that have to be checked to sign up.
AGREED = {
    "terms": current_version("terms").version,
    "privacy_notice": current_version("privacy_notice").version,
    "eligibility": "on",
}

# Submits a form for an email address.
Submit = Callable[[Client, str], object]


# --- The cost of a password -------------------------------------------------------------------------------


def measure_hash_memory() -> Goal:
    """Measure the MiB by which one hash raises the process's peak memory. Call this first, while the peak is low."""
    before = read_peak_memory()
    make_password(PASSWORD)
    return goal_at_most(HASH_MIB, [read_peak_memory() - before])


def read_peak_memory() -> float:
    """Return the peak memory of this process in MiB. Source: getrusage(2), which counts in KiB on Linux."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_hash_time() -> Goal:
    """Measure the milliseconds of a password check: slow enough against guessing, fast enough for a sign-in."""
    encoded = make_password(PASSWORD)
    times = [measure_seconds(lambda: check_password(PASSWORD, encoded)) * 1000 for _ in range(ROUNDS)]
    least, most = HASH_MS
    return make_goal(most, times, least <= statistics.median(times) <= most)


# --- The forms --------------------------------------------------------------------------------------------


def submit_sign_in(client: Client, email: str) -> object:
    return client.post(reverse("account_login"), {"login": email, "password": "wrong wrong wrong"})


def submit_password_reset(client: Client, email: str) -> object:
    return client.post(reverse("account_reset_password"), {"email": email})


def submit_sign_up(client: Client, email: str) -> object:
    return client.post(reverse("account_signup"), {"email": email, "password1": PASSWORD, **AGREED})


def request_passkey_options(client: Client, email: str) -> object:
    client.cookies["hint"] = email
    return client.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})


# The measured form, and a form to submit before it. In "resend" an address signs up twice: the second time, the unknown
# one has an unconfirmed account.
FORMS: dict[str, tuple[Submit, Submit | None]] = {
    "sign_in": (submit_sign_in, None),
    "reset": (submit_password_reset, None),
    "sign_up": (submit_sign_up, None),
    "resend": (submit_sign_up, submit_sign_up),
    "passkey": (request_passkey_options, None),
}


def known_emails() -> Iterator[str]:
    """Yield email addresses of users."""
    return (user.email for user in ensure_users())


def ensure_users() -> list[User]:
    """Return one user for each round and for the discarded first one, created if need be."""
    users = list(User.objects.filter(email__startswith="known").order_by("email"))
    for number in range(len(users), ROUNDS + 1):
        user = User.objects.create_user(f"known{number:03}@plumbline.example", PASSWORD)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        users.append(user)
    return users


def unknown_emails() -> Iterator[str]:
    """Yield email addresses without an account, always new ones."""
    return (f"unknown{number}@plumbline.example" for number in itertools.count())


def measure_form(submit: Submit, submit_before: Submit | None, emails: Iterator[str]) -> Case:
    """Return a case that measures the milliseconds of one request by a new browser."""

    def measure() -> float:
        email = next(emails)
        if submit_before:
            submit_before(create_client(), email)
        client = create_client()
        return measure_seconds(lambda: submit(client, email)) * 1000

    return measure


def create_client() -> Client:
    """Return the test client of a browser that has not been used at the site."""
    return Client(REMOTE_ADDR="192.0.2.1")


def judge_difference(rounds: list[Round]) -> Goal:
    """Compare with the goal by how many milliseconds responses for known addresses are slower than for unknown ones."""
    figures = differences(rounds, "known", "unknown")
    return make_goal(MOST_DIFFERENCE_MS, figures, abs(statistics.median(figures)) < MOST_DIFFERENCE_MS)


def measure_without_redis() -> Goal:
    """Measure the seconds until a sign-in is refused while Redis is not running."""
    caches = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    with override_settings(CACHES=caches, DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS=False):
        times = [measure_seconds(lambda: submit_sign_in(create_client(), "away@plumbline.example")) for _ in range(5)]
        return goal_at_most(MOST_REFUSAL_SECONDS, times)


def measure_enumeration() -> tuple[dict[str, Goal], dict[str, dict[str, float]]]:
    """Return a goal for each form, and its median times in milliseconds for known and unknown addresses."""
    goals, times, without_account = {}, {}, unknown_emails()
    with override_settings(ACCOUNT_RATE_LIMITS=False, MFA_RATE_LIMITS=False):
        for name, (submit, submit_before) in FORMS.items():
            cases = {
                "known": measure_form(submit, submit_before, known_emails()),
                "unknown": measure_form(submit, submit_before, without_account),
            }
            rounds = run_rounds(cases, rounds=ROUNDS)
            goals[f"{name}_known_less_unknown_ms"] = judge_difference(rounds)
            times[name] = {kind: median(rounds, kind) for kind in cases}
    return goals, times


def main() -> None:
    goals = {"hash_mib": measure_hash_memory(), "hash_ms": measure_hash_time()}
    call_command("setup_database", verbosity=0)
    call_command("migrate", database="owner", verbosity=0)
    with collect_static_files():
        enumeration_goals, times = measure_enumeration()
        goals |= enumeration_goals | {"refused_without_redis_s": measure_without_redis()}
    print_result("sign_in", goals, milliseconds=times)


if __name__ == "__main__":
    main()
