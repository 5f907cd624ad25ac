"""The tags of a person's transactions."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from banking.models import RuleTag, Tag, TransactionTag
from banking.models.tags import MAX_TAG_LENGTH

MAX_TAGS: Final = 20


def parse_tag_names(text: str) -> list[str]:
    """The tags of a text with commas between them, each once. Raises ``ValidationError``."""
    names = {name.casefold(): name for part in reversed(text.split(",")) if (name := " ".join(part.split()))}
    if len(names) > MAX_TAGS:
        raise ValidationError(_("Enter at most %(count)s tags.") % {"count": MAX_TAGS})
    if any(len(name) > MAX_TAG_LENGTH for name in names.values()):
        raise ValidationError(_("Enter tags of at most %(count)s characters each.") % {"count": MAX_TAG_LENGTH})
    return list(reversed(names.values()))


def get_or_create_tags(*, owner_id: UUID, names: Iterable[str]) -> list[Tag]:
    """A person's tags with these names, in any case; those that do not exist are created."""
    wanted = list(names)
    Tag.objects.bulk_create([Tag(owner_id=owner_id, name=name) for name in wanted], ignore_conflicts=True)
    tags = Tag.objects.filter(owner=owner_id).annotate(key=Lower("name"))
    return list({tag.pk: tag for name in wanted for tag in tags.filter(key=Lower(Value(name)))}.values())


def tag_transactions(*, owner_id: UUID, row_ids: Iterable[UUID], tags: Iterable[Tag]) -> None:
    """Put a person's tags on transactions that do not have them yet."""
    chosen, ids = list(tags), list(row_ids)
    find_tags(owner_id=owner_id, row_ids=ids).filter(tag__in=chosen, is_removed=True).update(is_removed=False)
    on_rows = [TransactionTag(owner_id=owner_id, transaction=row, tag=tag) for tag in chosen for row in ids]
    TransactionTag.objects.bulk_create(on_rows, ignore_conflicts=True)


def remove_tags(given: QuerySet[TransactionTag]) -> None:
    """Take tags off transactions, as a person wants: no rule puts them on again."""
    given.filter(is_removed=False).update(is_removed=True, rule=None, run=None)


def find_tags(*, owner_id: UUID, row_ids: Iterable[UUID]) -> QuerySet[TransactionTag]:
    """The tags of some of a person's transactions, removed ones included."""
    return TransactionTag.objects.filter(owner=owner_id, transaction__in=list(row_ids))


def list_tag_names(*, owner_id: UUID) -> list[str]:
    """All of a person's tags, in the order of the alphabet."""
    return list(Tag.objects.filter(owner=owner_id).order_by(Lower("name")).values_list("name", flat=True))


def delete_unused_tags(*, owner_id: UUID) -> None:
    """Delete the tags that are on no transaction and on no rule any more."""
    on_rows = TransactionTag.objects.filter(tag=OuterRef("pk"), is_removed=False)
    on_rules = RuleTag.objects.filter(tag=OuterRef("pk"))
    Tag.objects.filter(~Exists(on_rows), ~Exists(on_rules), owner=owner_id).delete()
