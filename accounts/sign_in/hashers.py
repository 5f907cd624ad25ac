"""How passwords are hashed: Argon2id for all that are set here, bcrypt for those that were brought along."""

from typing import Final

from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    BCryptPasswordHasher,
    BCryptSHA256PasswordHasher,
    make_password,
)


class Argon2id(Argon2PasswordHasher):
    """Argon2id with 46 MiB, three passes and one lane.

    Above OWASP's least cost, while one sign-in needs half of the memory that Django's default takes, so that
    twenty people signing in at once do not exhaust a small host.
    """

    time_cost = 3
    memory_cost = 46 * 1024
    parallelism = 1


# Of bcrypt, as a power of two. A hash that cost less is guessed too fast to say who somebody is.
MIN_BCRYPT_COST: Final = 12


class ImportedHashMixin:
    """Refuses in as much time as an address without an account takes, where bcrypt itself refuses to compare."""

    def verify(self, password: str, encoded: str) -> bool:
        """Compare; what is beyond bcrypt's 72 bytes, a hash that is none, and one that cost too little fit nothing."""
        try:
            if self.decode(encoded)["work_factor"] < MIN_BCRYPT_COST:  # type: ignore[attr-defined]
                raise ValueError("The hash cost too little.")
            return bool(super().verify(password, encoded))  # type: ignore[misc]
        except ValueError:
            make_password(password)
            return False


class ImportedBcrypt(ImportedHashMixin, BCryptPasswordHasher):
    """Plain bcrypt of another program, stored as ``bcrypt$`` before its ``$2a$``, ``$2b$`` or ``$2y$`` hash.

    Only ever verified: the first sign-in replaces it by Argon2id.
    """


class ImportedBcryptSHA256(ImportedHashMixin, BCryptSHA256PasswordHasher):
    """bcrypt over SHA-256, as Django stores it. Only ever verified, like the plain one."""
