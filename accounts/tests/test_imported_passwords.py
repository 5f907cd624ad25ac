"""Password hashes that were imported from other programs."""

import bcrypt
import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, check_password, identify_hasher
from django.test import Client

from accounts.models import User
from accounts.sign_in import hashers
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, sign_in

pytestmark = pytest.mark.django_db(transaction=True)

# Source: the test vectors of OpenBSD's bcrypt, from jBCrypt (cost 12).
VECTORS = [
    ("a", "$2a$12$8NJH3LsPrANStV6XtBakCez0cKHXVxmvxIlcz785vxAIZrihHZpeS"),
    ("abc", "$2a$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q"),
    ("abcdefghijklmnopqrstuvwxyz", "$2a$12$D4G5f18o7aMMfwasBL7GpuQWuP3pkrZrOAnqP.bmezbMng.QwJ/pG"),
]


def make_bcrypt_hash(password: str, prefix: str = "2b", cost: int = 12) -> str:
    encoded = bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()
    return f"bcrypt${encoded.replace('$2b$', f'${prefix}$', 1)}"


def store(user: User, encoded: str) -> None:
    User.objects.filter(pk=user.pk).update(password=encoded)


@pytest.mark.parametrize(("password", "encoded"), VECTORS)
def test_it_verifies_bcrypt(password: str, encoded: str) -> None:
    assert check_password(password, f"bcrypt${encoded}")
    assert not check_password(f"{password}x", f"bcrypt${encoded}")


@pytest.mark.parametrize("prefix", ["2a", "2b", "2y"])
def test_it_accepts_an_imported_password_and_hashes_it_again(alice: User, prefix: str) -> None:
    store(alice, make_bcrypt_hash(PASSWORD, prefix))
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    assert is_signed_in(client)
    alice.refresh_from_db()
    assert identify_hasher(alice.password).__class__.__name__ == "Argon2id"
    second_client = Client()
    sign_in(second_client, alice.email, PASSWORD)
    assert is_signed_in(second_client)


def test_it_verifies_djangos_bcrypt_hashes(alice: User) -> None:
    store(alice, BCryptSHA256PasswordHasher().encode(PASSWORD, bcrypt.gensalt(12)))
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert identify_hasher(alice.password).__class__.__name__ == "Argon2id"


@pytest.mark.parametrize("password", ["x" * 73, "x" * 256, "\u00e9" * 37, "🔑" * 19])
def test_it_rejects_a_password_that_bcrypt_would_truncate(anonymous: Client, alice: User, password: str) -> None:
    store(alice, make_bcrypt_hash("x" * 72))
    assert sign_in(anonymous, alice.email, password).status_code == 200
    assert not is_signed_in(anonymous)


@pytest.mark.parametrize(
    ("password", "encoded"),
    [
        ("x" * 73, make_bcrypt_hash("x" * 72)),
        ("x", "bcrypt$$2z$99$x"),
        ("x", make_bcrypt_hash("x", cost=11)),
        ("x", BCryptSHA256PasswordHasher().encode("x", bcrypt.gensalt(10))),
    ],
    ids=["too long to compare", "no hash at all", "too cheap", "too cheap as Django makes it"],
)
def test_it_hashes_the_password_anyway_if_it_cannot_compare(
    password: str, encoded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    monkeypatch.setattr(hashers, "make_password", hashed.append)
    assert not check_password(password, encoded)
    assert hashed == [password]


@pytest.mark.parametrize(
    "encoded", ["bcrypt$", "bcrypt$$2b$04$", "bcrypt$$2z$99$x", "bcrypt_sha256$$2b$12$x", "junk", ""]
)
def test_it_rejects_invalid_hashes(anonymous: Client, alice: User, encoded: str) -> None:
    store(alice, encoded)
    assert sign_in(anonymous, alice.email, PASSWORD).status_code == 200
    assert not is_signed_in(anonymous)


def test_it_hashes_new_passwords_with_argon2id(settings) -> None:
    assert settings.PASSWORD_HASHERS[0] == "accounts.sign_in.hashers.Argon2id"
