"""Recovery codes: count the unused ones, and treat codes whose seed cannot be decrypted as none."""

from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

from accounts.mfa.sealed_secrets import is_secret_readable
from compliance.vault import SealError


def count_unused_codes(factors: Iterable[Authenticator]) -> int | None:
    """Count the unused recovery codes among these factors. Returns None if there are none, or none can be decrypted."""
    for factor in factors:
        if factor.type == Authenticator.Type.RECOVERY_CODES and is_secret_readable(factor):
            return len(factor.wrap().get_unused_codes())
    return None


def patch_allauth_recovery_codes() -> None:
    """Make allauth treat recovery codes whose seed cannot be decrypted as no codes.

    allauth has no setting for this. All its code that counts or checks codes calls this method.
    """
    generate = RecoveryCodes.generate_codes

    def readable_codes(self: RecoveryCodes) -> list[str]:
        try:
            codes: list[str] = generate(self)
        except SealError:
            return []
        return codes

    RecoveryCodes.generate_codes = readable_codes
