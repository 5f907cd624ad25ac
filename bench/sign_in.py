"""What signing in costs, and whether the time of an answer tells who has an account.

Each door is asked for known and for unknown addresses in turn. The limits are off, because they would answer in the
door's place; every try has an address of its own, so no lock falls.
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
from bench.harness.rounds import Case, Goal, Round, at_most, make_goal, median, print_result, race, seconds
from bench.harness.servers import static_files

ROUNDS = 50
# Nobody tells a smaller difference apart through the noise of a network in as many tries as the limits allow.
APART_MS = 50
HASH_MS = (100, 250)
HASH_MIB = 64
AWAY_SECONDS = 2
PASSWORD = "correct horse battery staple"

Door = Callable[[Client, str], object]


# --- The cost of a password -------------------------------------------------------------------------------


def memory() -> Goal:
    """The memory that one hash takes, in MiB: how much the process's peak rises. Asked first, while it is low."""
    before = peak()
    make_password(PASSWORD)
    return at_most(HASH_MIB, [peak() - before])


def peak() -> float:
    """The most memory that the process ever had, in MiB. Source: getrusage(2), where Linux counts in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def hashing() -> Goal:
    """The milliseconds in which a password is compared: dear for who tries millions, cheap for who signs in."""
    encoded = make_password(PASSWORD)
    times = [seconds(lambda: check_password(PASSWORD, encoded)) * 1000 for _ in range(ROUNDS)]
    least, most = HASH_MS
    return make_goal(most, times, least <= statistics.median(times) <= most)


# --- The doors --------------------------------------------------------------------------------------------


def sign_in(client: Client, email: str) -> object:
    return client.post(reverse("account_login"), {"login": email, "password": "wrong wrong wrong"})


def reset(client: Client, email: str) -> object:
    return client.post(reverse("account_reset_password"), {"email": email})


def sign_up(client: Client, email: str) -> object:
    return client.post(reverse("account_signup"), {"email": email, "password1": PASSWORD})


def passkey(client: Client, email: str) -> object:
    client.cookies["hint"] = email
    return client.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})


# Who signs up once more is sent another mail; by then the unknown addresses wait to be confirmed.
DOORS: dict[str, tuple[Door, Door | None]] = {
    "sign_in": (sign_in, None),
    "reset": (reset, None),
    "sign_up": (sign_up, None),
    "resend": (sign_up, sign_up),
    "passkey": (passkey, None),
}


def known_addresses() -> Iterator[str]:
    """Addresses of people, each given once a door."""
    return (user.email for user in people())


def people() -> list[User]:
    """As many people as there are rounds, with the first."""
    users = list(User.objects.filter(email__startswith="known").order_by("email"))
    for number in range(len(users), ROUNDS + 1):
        user = User.objects.create_user(f"known{number:03}@plumbline.example", PASSWORD)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        users.append(user)
    return users


def unknown() -> Iterator[str]:
    """Addresses that nobody has."""
    return (f"unknown{number}@plumbline.example" for number in itertools.count())


def case(door: Door, before: Door | None, emails: Iterator[str]) -> Case:
    """A case that returns the milliseconds of one request by a browser that was never here before."""

    def ask() -> float:
        email = next(emails)
        if before:
            before(stranger(), email)
        client = stranger()
        return seconds(lambda: door(client, email)) * 1000

    return ask


def stranger() -> Client:
    return Client(REMOTE_ADDR="192.0.2.1")


def apart(rounds: list[Round]) -> Goal:
    """Judge by how many milliseconds an answer about a known address comes later than one about an unknown one."""
    differences = [round_["known"] - round_["unknown"] for round_ in rounds]
    return make_goal(APART_MS, differences, abs(statistics.median(differences)) < APART_MS)


def without_redis() -> Goal:
    """The seconds in which a sign-in is refused while nobody listens on Redis's port."""
    away = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    with override_settings(CACHES=away, DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS=False):
        return at_most(AWAY_SECONDS, [seconds(lambda: sign_in(stranger(), "away@plumbline.example")) for _ in range(5)])


def enumeration() -> tuple[dict[str, Goal], dict[str, dict[str, float]]]:
    """Each door's goal, and the medians in milliseconds behind it."""
    goals, times, strangers = {}, {}, unknown()
    with override_settings(ACCOUNT_RATE_LIMITS=False, MFA_RATE_LIMITS=False):
        for name, (door, before) in DOORS.items():
            cases = {"known": case(door, before, known_addresses()), "unknown": case(door, before, strangers)}
            rounds = race(cases, rounds=ROUNDS)
            goals[f"{name}_known_less_unknown_ms"] = apart(rounds)
            times[name] = {kind: median(rounds, kind) for kind in cases}
    return goals, times


def main() -> None:
    goals = {"hash_mib": memory(), "hash_ms": hashing()}
    call_command("setup_database", verbosity=0)
    call_command("migrate", database="owner", verbosity=0)
    with static_files():
        alike, times = enumeration()
        goals |= alike | {"refused_without_redis_s": without_redis()}
    print_result("sign_in", goals, milliseconds=times)


if __name__ == "__main__":
    main()
