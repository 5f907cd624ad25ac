"""Recovery codes: how many are left, and codes whose seed cannot be read."""

from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

from accounts.mfa.sealed_secrets import is_secret_readable
from compliance.vault import SealError


def count_unused_codes(factors: Iterable[Authenticator]) -> int | None:
    """Count the unused recovery codes among these factors; None where there are none that can be read."""
    for factor in factors:
        if factor.type == Authenticator.Type.RECOVERY_CODES and is_secret_readable(factor):
            return len(factor.wrap().get_unused_codes())
    return None


def patch_allauth_recovery_codes() -> None:
    """Let recovery codes whose seed cannot be read count as none, wherever allauth counts or takes them.

    allauth has no setting for this, and every place of it calls this method.
    """
    generate = RecoveryCodes.generate_codes

    def readable_codes(self: RecoveryCodes) -> list[str]:
        try:
            codes: list[str] = generate(self)
        except SealError:
            return []
        return codes

    RecoveryCodes.generate_codes = readable_codes
