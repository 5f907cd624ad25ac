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

    This is above OWASP's minimum. One sign-in needs half the memory of Django's default, so that twenty users can sign
    in at once on a small host.
    """

    time_cost = 3
    memory_cost = 46 * 1024
    parallelism = 1


# bcrypt's cost is a power of two. The password of a hash with a lower cost can be guessed too fast.
MIN_BCRYPT_COST: Final = 12


class ImportedHashMixin:
    """Takes as long to reject a password as for an address without an account, where bcrypt would reject at once."""

    def verify(self, password: str, encoded: str) -> bool:
        """Compare. False for a password over bcrypt's 72 bytes, for a damaged hash and for one with too low a cost."""
        try:
            if self.decode(encoded)["work_factor"] < MIN_BCRYPT_COST:  # type: ignore[attr-defined]
                raise ValueError("The cost of the hash is too low.")
            return bool(super().verify(password, encoded))  # type: ignore[misc]
        except ValueError:
            make_password(password)
            return False


class ImportedBcrypt(ImportedHashMixin, BCryptPasswordHasher):
    """Plain bcrypt of another program, stored as ``bcrypt$`` before its ``$2a$``, ``$2b$`` or ``$2y$`` hash.

    It is only verified: the first sign-in replaces it with Argon2id.
    """


class ImportedBcryptSHA256(ImportedHashMixin, BCryptSHA256PasswordHasher):
    """bcrypt over SHA-256, as Django stores it. Only verified, like plain bcrypt."""
