"""The registry of personal data: every column of every table is claimed exactly once."""

from dataclasses import replace

import pytest
from django.core.exceptions import ImproperlyConfigured

from banking.models import Institution, Transaction
from compliance.models import DataKey
from compliance.personal_data import DataCategory, registry
from compliance.personal_data.registry import find_faults, list_holders, list_non_personal
from compliance.vault.fields import SealedTextField


def test_every_column_is_claimed_once() -> None:
    assert list(find_faults()) == []


def test_it_finds_a_column_that_nobody_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = registry._holders[Transaction]
    without_note = replace(holder, exported=tuple(name for name in holder.exported if name != "note"))
    monkeypatch.setitem(registry._holders, Transaction, without_note)
    assert list(find_faults()) == ["banking.Transaction.note is claimed by nobody"]


def test_it_finds_a_column_that_is_claimed_twice_or_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = registry._holders[Transaction]
    monkeypatch.setitem(registry._holders, Transaction, replace(holder, technical=frozenset({"note", "mood"})))
    assert list(find_faults()) == [
        "banking.Transaction.mood does not exist",
        "banking.Transaction.note is claimed 2 times",
    ]


def test_it_finds_a_model_that_nobody_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    # A copy: a deleted key would come back as the last one.
    others = {model: claim for model, claim in registry._non_personal.items() if model is not Institution}
    monkeypatch.setattr(registry, "_non_personal", others)
    assert list(find_faults()) == ["banking.Institution is claimed by nobody"]


def test_it_refuses_a_second_claim() -> None:
    with pytest.raises(ImproperlyConfigured, match="claimed twice"):
        registry.register_non_personal(Transaction, "Because.")
    with pytest.raises(ImproperlyConfigured, match="claimed twice"):
        registry.register(registry._holders[Transaction])


def test_every_claim_has_its_reason() -> None:
    for holder in list_holders():
        assert str(holder.label), holder.model
        assert str(holder.kept_for), holder.model
        assert all(str(reason) for reason in holder.withheld.values()), holder.model
    assert all(non_personal.reason for non_personal in list_non_personal())


def test_a_category_has_a_name_for_pages() -> None:
    assert all(str(category.label) for category in DataCategory)


def test_a_table_with_an_owner_is_about_a_person() -> None:
    """A model with a sealed column or an owner cannot be declared to be about nobody."""
    for non_personal in list_non_personal():
        columns = non_personal.model._meta.concrete_fields
        assert not any(isinstance(column, SealedTextField) or column.attname == "owner_id" for column in columns)


def test_no_export_has_a_secret_of_sign_in_or_of_a_bank() -> None:
    exported = {f"{holder.model._meta.label}.{name}" for holder in list_holders() for name in holder.exported}
    assert not exported & {
        "accounts.User.password",
        "banking.Item.access_token",
        "banking.LinkSession.link_token",
        "banking.PendingRemoval.access_token",
        "mfa.Authenticator.data",
        "usersessions.UserSession.session_key",
    }
    assert DataKey in {holder.model for holder in list_holders()}
