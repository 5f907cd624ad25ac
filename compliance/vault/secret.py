"""A value that is only visible through ``reveal()``."""

from collections.abc import Callable
from typing import Any, Final, NoReturn

from django.db import models

from compliance.vault.errors import SealError

HIDDEN: Final = "<secret>"


class Sealed(bytes):
    """A sealed value, as the database stores it."""

    def __repr__(self) -> str:
        return "<sealed>"


class Secret:
    """The value of a sealed field. Prints as ``<secret>``; cannot be pickled or turned into JSON.

    ``row`` is the model instance that it was read from and ``sealed`` its ciphertext; both are None for a
    value that has not been saved yet.
    """

    __slots__ = ("_open", "row", "sealed")

    def __init__(
        self, opener: Callable[[], str], *, row: models.Model | None = None, sealed: Sealed | None = None
    ) -> None:
        self._open = opener
        self.row = row
        self.sealed = sealed

    def reveal(self) -> str:
        """Return the value. Raises ``SealError`` when it was tampered with or its owner's key was deleted."""
        return self._open()

    def reveal_or(self, default: str) -> str:
        """Return the value, or ``default`` when it cannot be opened, which is reported to operators."""
        try:
            return self._open()
        except SealError:
            return default

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("A secret is not serialized. Pass the row's id and reveal it there.")
