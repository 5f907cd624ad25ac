"""``manage.py rotate_keys``: new key-encryption keys, and new data keys, while the site runs."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.audit import Action, record
from compliance.vault import rotation
from compliance.vault.errors import KeyMissing


class Command(BaseCommand):
    """Wraps data keys under the primary key; on request makes new ones and seals every value again."""

    help = "Rotate keys, online. May be killed and run again. See compliance/vault/rotation.py for the order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Without options only the wrapping changes."""
        parser.add_argument(
            "--new-data-keys",
            type=int,
            nargs="?",
            const=1,
            metavar="DAYS",
            help="Replace data keys that are older than this many days (1): a run that is repeated goes on.",
        )
        parser.add_argument("--reseal", action="store_true", help="Seal again what is under a retired data key.")

    def handle(self, *args: Any, new_data_keys: int | None, reseal: bool, **options: Any) -> None:
        """Raises ``CommandError`` when the rotation is not complete; the message says what to do."""
        try:
            done = rotation.rewrap()
        except KeyMissing as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Wrapped {done.rewrapped} data keys under the primary key.")
        renewed = self.renew(new_data_keys) if new_data_keys is not None else 0
        resealed = self.reseal() if reseal else rotation.Resealing()
        record(Action.KEY_ROTATION, subject=None, rewrapped=done.rewrapped, renewed=renewed, resealed=resealed.resealed)
        if undone := [*self.describe_left(done), *self.describe_unreadable(resealed)]:
            raise CommandError("\n".join(undone))

    def renew(self, days: int) -> int:
        """Make new data keys; returns how many."""
        renewed = rotation.renew_data_keys(older_than=timedelta(days=days))
        self.stdout.write(f"Made {renewed} new data keys.")
        return renewed

    def describe_left(self, done: rotation.Rewrapping) -> Iterator[str]:
        """Yield a sentence for each reason why data keys are not under the primary key."""
        if broken := len(done.unreadable):
            yield (
                f"{broken} data keys could not be opened and stay under the key that they have, which has to stay in "
                "FIELD_KEYS. The log names them: SEALED_VALUE_UNREADABLE compliance.datakey.wrapped."
            )
        if left := rotation.count_outdated_wrappings(excluding=done.unreadable):
            yield f"{left} data keys came up meanwhile under an older key. Run this again."

    def describe_unreadable(self, done: rotation.Resealing) -> Iterator[str]:
        """Name the values that are not sealed again."""
        if done.unreadable:
            yield "Some values could not be opened and sealed again:"
            yield from done.unreadable

    def reseal(self) -> rotation.Resealing:
        """Seal values again, and print whether another pass is needed."""
        done = rotation.Resealing().run(rotation.sealed_columns())
        self.stdout.write(f"Sealed {done.resealed} values again; {done.changed_meanwhile} were written meanwhile.")
        if done.changed_meanwhile:
            self.stdout.write("Run this again in a minute, when no process uses a retired data key any more.")
        return done
