"""The objects of ``owned_objects`` with all names in Greek letters, so that ASCII text on a page is the site's own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from accounts.models import Notification, User
from accounts.notifications.messages import encode_values
from banking.models import Account, CategoryRule, Institution, Item, RecurringStream, Tag, Transaction
from compliance.isolation import tenant
from config.tests import owned_objects
from config.tests.owned_objects import OwnedObjects
from config.tests.pseudo_locale import to_greek
from credit.experian.normalize import normalize
from credit.tests.experian_samples import MODELS, TODAY, raw

# The fields of a bureau's report that hold names and free text.
REPORT_NAMES = {
    "city",
    "courtName",
    "firstName",
    "messageText",
    "state",
    "statementText",
    "streetName",
    "streetSuffix",
    "subscriberName",
    "surname",
}
TEXTS: dict[type[Any], tuple[str, ...]] = {
    Account: ("name", "official_name"),
    Item: ("institution_name",),
    Transaction: ("name", "merchant_name"),
    RecurringStream: ("merchant_name", "description"),
    CategoryRule: ("name_part",),
    Tag: ("name",),
}


def make_greek_objects(alice: User, make_item: Callable[..., Item], monkeypatch: pytest.MonkeyPatch) -> OwnedObjects:
    """Create the objects for Alice. The keys of credit accounts change with the creditors' names."""
    report = normalize(json.dumps(translate_names(json.loads(raw()))).encode(), asof=TODAY, models=MODELS)
    monkeypatch.setattr(owned_objects, "parse_sample", lambda: report)
    monkeypatch.setattr(owned_objects, "CARD_KEY", report.tradelines[0].key)
    objects = owned_objects.make_owned_objects(alice, make_item)
    User.objects.filter(pk=alice.pk).update(first_name=to_greek("Alice"))
    for bank in Institution.objects.all():
        Institution.objects.filter(pk=bank.pk).update(name=to_greek(bank.name))
    with tenant(alice.pk):
        for model, names in TEXTS.items():
            for row in model.objects.all():
                model.objects.filter(pk=row.pk).update(**{name: to_greek(getattr(row, name)) for name in names})
        for notification in Notification.objects.all():
            message = replace(notification.message, bank=to_greek("Alice's bank"))
            notification.values = encode_values(message)
            notification.save()
    objects.passkey.data["name"] = to_greek(objects.passkey.data["name"])
    objects.passkey.save()
    return objects


def translate_names(value: Any, key: str = "") -> Any:
    """Replace the letters in a report's names and free texts, at any depth."""
    if isinstance(value, dict):
        return {name: translate_names(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [translate_names(part, key) for part in value]
    return to_greek(value) if key in REPORT_NAMES else value
