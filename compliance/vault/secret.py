"""A value that shows itself only when asked by name."""

from collections.abc import Callable
from typing import Any, Final, NoReturn

from django.db import models

from compliance.vault.sealing import SealError

HIDDEN: Final = "<secret>"


class Sealed(bytes):
    """A sealed value as it lies in the database."""

    def __repr__(self) -> str:
        return "<sealed>"


class Secret:
    """What a sealed attribute gives. Prints as ``<secret>``; refuses to be pickled or turned into JSON.

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
        """The value itself. Raises ``SealError`` when it was tampered with or its owner's key is gone."""
        return self._open()

    def reveal_or(self, otherwise: str) -> str:
        """The value itself, or ``otherwise`` where it cannot be opened; an operator is told of that."""
        try:
            return self._open()
        except SealError:
            return otherwise

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("A secret is not serialized. Pass the row's id on and reveal it there.")
