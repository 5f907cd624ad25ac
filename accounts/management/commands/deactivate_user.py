"""Deactivate an account, or activate it again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import deactivation
from accounts.users.models import User


class Command(BaseCommand):
    help = "Stop a user from signing in, and stop syncs and credit reports. Deletes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--undo", action="store_true", help="let the user sign in again")

    def handle(self, *args: Any, email: str, undo: bool, **options: Any) -> None:
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError("No account has this email address.")
        if undo:
            deactivation.reactivate(user=user, actor=None)
        else:
            deactivation.deactivate(user=user, actor=None)
        self.stdout.write(f"{user.pk} is {'active again' if undo else 'deactivated'}.")
