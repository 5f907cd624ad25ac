import pytest

from accounts.models import User, display_name

pytestmark = pytest.mark.django_db


def test_it_stores_addresses_in_lower_case_and_finds_them_in_any_case() -> None:
    alice = User.objects.create_user(" Alice@Example.COM ", "correct horse battery staple")
    assert alice.email == "alice@example.com"
    assert User.objects.get_by_natural_key("ALICE@example.com") == alice


def test_it_creates_users_without_a_usable_password() -> None:
    alice = User.objects.create_user("alice@example.com")
    assert not alice.has_usable_password()
    assert not alice.check_password("")


def test_it_makes_only_superusers_staff() -> None:
    alice, root = User.objects.create_user("alice@example.com"), User.objects.create_superuser("root@example.com")
    assert (alice.is_staff, alice.is_superuser) == (False, False)
    assert (root.is_staff, root.is_superuser) == (True, True)


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [("Alice", "Doe", "Alice Doe"), ("Alice", "", "Alice"), ("", "Doe", "Doe"), ("", "", "alice@example.com")],
)
def test_it_displays_a_user_by_name_or_address(first: str, last: str, name: str) -> None:
    assert display_name(User(email="alice@example.com", first_name=first, last_name=last)) == name


def test_it_gives_each_user_a_random_id_for_providers() -> None:
    alice, bob = User.objects.create_user("one@example.com"), User.objects.create_user("two@example.com")
    assert alice.link_id != bob.link_id
    assert alice.link_id != alice.pk
