import pytest

from accounts.models import User, display_name

pytestmark = pytest.mark.django_db


def test_it_keeps_an_address_in_small_letters_and_finds_it_in_any() -> None:
    alice = User.objects.create_user(" Alice@Example.COM ", "correct horse battery staple")
    assert alice.email == "alice@example.com"
    assert User.objects.get_by_natural_key("ALICE@example.com") == alice


def test_it_makes_people_whom_no_password_lets_in() -> None:
    alice = User.objects.create_user("alice@example.com")
    assert not alice.has_usable_password()
    assert not alice.check_password("")


def test_it_gives_nobody_more_rights_than_asked_for() -> None:
    alice, root = User.objects.create_user("alice@example.com"), User.objects.create_superuser("root@example.com")
    assert (alice.is_staff, alice.is_superuser) == (False, False)
    assert (root.is_staff, root.is_superuser) == (True, True)


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [("Alice", "Doe", "Alice Doe"), ("Alice", "", "Alice"), ("", "Doe", "Doe"), ("", "", "alice@example.com")],
)
def test_it_calls_a_person_by_name_or_address(first: str, last: str, name: str) -> None:
    assert display_name(User(email="alice@example.com", first_name=first, last_name=last)) == name


def test_it_names_people_to_providers_by_something_that_tells_nothing() -> None:
    one, two = User.objects.create_user("one@example.com"), User.objects.create_user("two@example.com")
    assert one.link_id != two.link_id
    assert one.link_id != one.pk
