"""A text column that is sealed when it is saved and opened only by ``reveal()``.

It builds on ``EncryptedMixin`` of django-cryptography (maintained as django-cryptography-django5): a bytea column
without lookups except ``isnull``. The cipher and the pickles are replaced: AES-256-GCM under the owner's data key,
bound to model, field, row and owner, so that a value opens only where it was written.
"""

from functools import partial
from typing import Any, Never
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django_cryptography.fields import EncryptedMixin

from compliance.vault.aad import build_aad
from compliance.vault.alerts import report_unreadable
from compliance.vault.envelope_encryption import seal, unseal
from compliance.vault.errors import SealError
from compliance.vault.secret import HIDDEN, Sealed, Secret


class SealedAttribute:
    """The descriptor of a row's value: returns a ``Secret``, accepts text or a ``Secret``."""

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
            # The same row keeps its ciphertext; another row has to seal the value again, with its own AAD.
            value = value.sealed if value.row is row else Secret(value.reveal)
        row.__dict__[self.field.attname] = value


class SealedTextField(EncryptedMixin, models.TextField):  # type: ignore[type-arg]
    """Text that is sealed under the key of its row's owner. Assign text and ``save()``; read with ``.reveal()``.

    ``owner`` names the attribute that holds the owner's id. The row's primary key has to exist before it is saved, as a
    UUID does that Python creates. ``update()``, filters, fixtures and forms are not supported.
    """

    base_class = models.TextField
    wasinstance = False
    _pyi_private_set_type: str | Sealed | Secret  # type: ignore[assignment]
    _pyi_private_get_type: Secret  # type: ignore[assignment]

    def __init__(self, *args: Any, owner: str = "owner_id", **options: Any) -> None:
        self.owner = owner
        options["editable"] = False
        # Skips EncryptedMixin.__init__, which would derive a key from SECRET_KEY.
        models.TextField.__init__(self, *args, **options)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        """Return the arguments for the migration writer."""
        name, _, args, options = models.Field.deconstruct(self)
        del options["editable"]
        if self.owner != "owner_id":
            options["owner"] = self.owner
        return name, f"{type(self).__module__}.{type(self).__qualname__}", args, options

    def clone(self) -> "SealedTextField":
        """Return an unattached copy."""
        _, _, args, options = self.deconstruct()
        return type(self)(*args, **options)

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        """Add the descriptor that seals to the model."""
        super().contribute_to_class(cls, name, private_only)
        if not cls._meta.abstract:
            setattr(cls, self.attname, SealedAttribute(self))

    def seal(self, row: models.Model, text: str) -> Sealed:
        """Seal text for this field of ``row``. Raises ``SealError`` when the row has no primary key or owner yet."""
        return Sealed(seal(text.encode(), owner=self._get_owner_id(row), aad=self._build_aad(row)))

    def open(self, row: models.Model, sealed: Sealed) -> str:
        """Open the value of ``row``. Reports one that does not open to operators and raises ``SealError``."""
        try:
            return self.unseal(row, sealed)
        except SealError as error:
            name = f"{row._meta.label_lower}.{self.attname}"
            report_unreadable(name, row=row.pk, owner=getattr(row, self.owner), error=error)
            raise

    def unseal(self, row: models.Model, sealed: Sealed) -> str:
        """Open the value of ``row`` without reporting. Raises ``SealError`` when it does not open."""
        return unseal(sealed, owner=self._get_owner_id(row), aad=self._build_aad(row)).decode()

    def pre_save(self, model_instance: models.Model, add: bool) -> Sealed | None:
        """Seal what was assigned since the last save; a ciphertext stays as it is."""
        value = model_instance.__dict__.get(self.attname)
        if isinstance(value, Secret):
            value = model_instance.__dict__[self.attname] = self.seal(model_instance, value.reveal())
        return value

    def to_python(self, value: Any) -> Any:
        """Accept any value except the placeholder of dumps. Raises ``ValidationError`` for that."""
        if value == HIDDEN:
            raise ValidationError("Sealed values are not in a dump.")
        return value

    def get_prep_value(self, value: Any) -> Any:
        """Return the value as it is: ``pre_save``, which has the row, seals it."""
        return value

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Accept ciphertext only. Raises ``SealError`` for text, as from ``update()``."""
        if isinstance(value, Secret):
            value = value.sealed or value
        if value is None or isinstance(value, Sealed):
            return value
        raise SealError("A value that is not sealed was about to be written. Assign it and use save().")

    def from_db_value(self, value: Any, *_: Any) -> Sealed | None:
        """Return the ciphertext, still sealed."""
        return None if value is None else Sealed(value)

    def value_to_string(self, obj: models.Model) -> str:
        """Return the placeholder for dumps and serializers."""
        return HIDDEN

    def _get_owner_id(self, row: models.Model) -> UUID:
        owner = getattr(row, self.owner)
        if row.pk is None or owner is None:
            raise SealError("A row needs its primary key and its owner before a value can be sealed in it.")
        return owner if isinstance(owner, UUID) else UUID(str(owner))

    def _build_aad(self, row: models.Model) -> bytes:
        return build_aad("field/v1", row._meta.label_lower, self.attname, row.pk, self._get_owner_id(row))

    def _dump(self, value: Any) -> Never:
        raise SealError("The mixin's own cipher is not in use.")

    _load = _dump
