"""A text column that is sealed on its way in and opened only by ``reveal()``.

The plumbing is django-cryptography's ``EncryptedMixin`` (kept alive as django-cryptography-django5): a bytea
column, no lookups but ``isnull``. Its cipher and its pickles are replaced: AES-256-GCM under the owner's data
key, bound to model, field, row and owner, so that a value opens where it was written and nowhere else.
"""

from functools import partial
from typing import Any, Never
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django_cryptography.fields import EncryptedMixin

from compliance.vault.alarms import tell_unreadable
from compliance.vault.envelope import seal, unseal
from compliance.vault.sealing import SealError, context
from compliance.vault.secret import HIDDEN, Sealed, Secret


class SealedAttribute:
    """The attribute on a row: gives a ``Secret``, takes text or a ``Secret``."""

    def __init__(self, field: "SealedTextField") -> None:
        self.field = field

    def __get__(self, row: models.Model | None, model: type[models.Model]) -> Any:
        if row is None:
            return self
        name = self.field.attname
        if name not in row.__dict__:
            row.refresh_from_db(fields=[name])
        value = row.__dict__[name]
        if not isinstance(value, Sealed):
            return value
        return Secret(partial(self.field.open, row, value), row=row, sealed=value)

    def __set__(self, row: models.Model, value: str | Sealed | Secret | None) -> None:
        if isinstance(value, str):
            value = Secret(partial(str, value))
        elif isinstance(value, Secret) and value.sealed is not None:
            # The same row keeps its ciphertext; another row has to seal the value for its own place.
            value = value.sealed if value.row is row else Secret(value.reveal)
        row.__dict__[self.field.attname] = value


class SealedTextField(EncryptedMixin, models.TextField):  # type: ignore[type-arg]
    """Text that only its row's owner's key opens. Assign text and ``save()``; read with ``.reveal()``.

    ``owner`` names the attribute that holds the owner's id. The row's primary key has to exist before it is
    saved, as one made in Python does. ``update()``, filters, fixtures and forms are refused.
    """

    base_class = models.TextField
    wasinstance = False
    _pyi_private_set_type: str | Secret  # type: ignore[assignment]
    _pyi_private_get_type: Secret  # type: ignore[assignment]

    def __init__(self, *args: Any, owner: str = "owner_id", **options: Any) -> None:
        self.owner = owner
        options["editable"] = False
        # Past EncryptedMixin's own __init__, which would derive a key from SECRET_KEY.
        models.TextField.__init__(self, *args, **options)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        """Write the field into migrations as what it is."""
        name, _, args, options = models.Field.deconstruct(self)
        del options["editable"]
        if self.owner != "owner_id":
            options["owner"] = self.owner
        return name, f"{type(self).__module__}.{type(self).__qualname__}", args, options

    def clone(self) -> "SealedTextField":
        """Make an unattached copy."""
        _, _, args, options = self.deconstruct()
        return type(self)(*args, **options)

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        """Hang the attribute that seals on the model."""
        super().contribute_to_class(cls, name, private_only)
        if not cls._meta.abstract:
            setattr(cls, self.attname, SealedAttribute(self))

    def seal(self, row: models.Model, text: str) -> Sealed:
        """Seal text for its place in ``row``. Raises ``SealError`` when the row has no key or owner yet."""
        return Sealed(seal(text.encode(), owner=self._owner_of(row), bound_to=self._context(row)))

    def open(self, row: models.Model, sealed: Sealed) -> str:
        """Open what stands in ``row``. Raises ``SealError``, after an operator was told."""
        try:
            return self.unseal(row, sealed)
        except SealError as error:
            name = f"{row._meta.label_lower}.{self.attname}"
            tell_unreadable(name, row=row.pk, owner=getattr(row, self.owner), error=error)
            raise

    def unseal(self, row: models.Model, sealed: Sealed) -> str:
        """Open what stands in ``row`` for one who looks whether it opens. Raises ``SealError`` and tells nobody."""
        return unseal(sealed, owner=self._owner_of(row), bound_to=self._context(row)).decode()

    def pre_save(self, model_instance: models.Model, add: bool) -> Sealed | None:
        """Seal what was assigned since the last save; a ciphertext that is there already stays as it is."""
        value = model_instance.__dict__.get(self.attname)
        if isinstance(value, Secret):
            value = model_instance.__dict__[self.attname] = self.seal(model_instance, value.reveal())
        return value

    def to_python(self, value: Any) -> Any:
        """Take what a row may hold. Raises ``ValidationError`` for the mark that stands in a dump."""
        if value == HIDDEN:
            raise ValidationError("Sealed values are not in a dump.")
        return value

    def get_prep_value(self, value: Any) -> Any:
        """Leave the value alone: it is sealed in ``pre_save``, which knows the row."""
        return value

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Let nothing but ciphertext through. Raises ``SealError`` for text, as from ``update()``."""
        if isinstance(value, Secret):
            value = value.sealed or value
        if value is None or isinstance(value, Sealed):
            return value
        raise SealError("A value that is not sealed was about to be written. Assign it and use save().")

    def from_db_value(self, value: Any, *_: Any) -> Sealed | None:
        """Read the ciphertext, unopened."""
        return None if value is None else Sealed(value)

    def value_to_string(self, obj: models.Model) -> str:
        """What dumps and serializers may show."""
        return HIDDEN

    def _owner_of(self, row: models.Model) -> UUID:
        owner = getattr(row, self.owner)
        if row.pk is None or owner is None:
            raise SealError("A row needs its primary key and its owner before a value can be sealed in it.")
        return owner if isinstance(owner, UUID) else UUID(str(owner))

    def _context(self, row: models.Model) -> bytes:
        return context("field/v1", row._meta.label_lower, self.attname, row.pk, self._owner_of(row))

    def _dump(self, value: Any) -> Never:
        raise SealError("The mixin's own cipher is not in use.")

    _load = _dump
