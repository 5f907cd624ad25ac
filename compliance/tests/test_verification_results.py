"""The stored results of verifications, by which a chain that became shorter is found without an anchor."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from compliance.audit import Action, record
from compliance.audit.events import TrailVerification
from compliance.audit.faults import ChainFault
from compliance.audit.verification_results import verify_all, verify_own_chain
from compliance.isolation import tenant
from compliance.tests.conftest import default_and_ops
from compliance.tests.tampering import DELETE_CHAIN, SET_HEAD_BACK

pytestmark = default_and_ops


def load_result(user: Any) -> tuple[str, int]:
    """Return the fault of the last verification, and the event."""
    with tenant(user.pk):
        verification = TrailVerification.objects.get(owner=user.pk)
    return verification.fault, verification.sequence


def test_it_finds_that_a_chain_became_shorter_since_it_was_verified(alice: Any, tamper: Callable[[str], None]) -> None:
    for number in range(5):
        record(Action.SYNC, subject=alice, number=number)
    verify_all()
    assert load_result(alice) == ("", 0)
    tamper(SET_HEAD_BACK.replace("{chain}", str(alice.pk)))
    # A verification of what is left does not hide it from the next one.
    for _ in range(2):
        verify_all()
        assert load_result(alice) == (ChainFault.SHORTENED, 5)
    with tenant(alice.pk):
        assert verify_own_chain(alice.pk).fault == ChainFault.SHORTENED


@pytest.mark.parametrize("options", [[], ["--since", "2100-01-01"]], ids=str)
def test_audit_verify_finds_that_a_chain_became_shorter(
    alice: Any, tamper: Callable[[str], None], options: list[str]
) -> None:
    """What the nightly job reports, a run by hand does, too."""
    for number in range(5):
        record(Action.SYNC, subject=alice, number=number)
    verify_all()
    tamper(SET_HEAD_BACK.replace("{chain}", str(alice.pk)))
    output = StringIO()
    with pytest.raises(CommandError, match=r"1 problem\(s\)") as error:
        call_command("audit_verify", *options, stdout=output)
    assert error.value.returncode == 1
    description = "it and all that came after it were there at an earlier verification, and are gone"
    assert output.getvalue() == f"{alice.pk} #5: {description}\n"


def test_it_finds_that_a_verified_chain_is_gone(alice: Any, mallory: Any, tamper: Callable[[str], None]) -> None:
    for user in (alice, mallory):
        record(Action.SYNC, subject=user)
    verify_all()
    tamper(DELETE_CHAIN.replace("{chain}", str(alice.pk)))
    with tenant(mallory.pk):
        assert verify_own_chain(mallory.pk).fault == ""
    verify_all()
    assert (load_result(alice), load_result(mallory)) == ((ChainFault.SHORTENED, 1), ("", 0))
