"""Password hashing: Argon2id for passwords that are set here, bcrypt for imported ones."""

from typing import Final

from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    BCryptPasswordHasher,
    BCryptSHA256PasswordHasher,
    make_password,
)


class Argon2id(Argon2PasswordHasher):
    """Argon2id with 46 MiB, three passes and one lane.

    This is above OWASP's minimum. One sign-in needs half the memory of Django's default, so twenty people who sign in
    at once do not exhaust a small host.
    """

    time_cost = 3
    memory_cost = 46 * 1024
    parallelism = 1


# Of bcrypt, as a power of two. A hash of a lower cost can be guessed too fast to be trusted.
MIN_BCRYPT_COST: Final = 12


class ImportedHashMixin:
    """Rejects in the time that an address without an account takes, where bcrypt would reject at once."""

    def verify(self, password: str, encoded: str) -> bool:
        """Compare. False for a password over bcrypt's 72 bytes, for a damaged hash and for one of too low a cost."""
        try:
            if self.decode(encoded)["work_factor"] < MIN_BCRYPT_COST:  # type: ignore[attr-defined]
                raise ValueError("The hash cost too little.")
            return bool(super().verify(password, encoded))  # type: ignore[misc]
        except ValueError:
            make_password(password)
            return False


class ImportedBcrypt(ImportedHashMixin, BCryptPasswordHasher):
    """Plain bcrypt of another program, stored as ``bcrypt$`` before its ``$2a$``, ``$2b$`` or ``$2y$`` hash.

    It is only verified: the first sign-in replaces it by Argon2id.
    """


class ImportedBcryptSHA256(ImportedHashMixin, BCryptSHA256PasswordHasher):
    """bcrypt over SHA-256, as Django stores it. Only verified, like plain bcrypt."""
