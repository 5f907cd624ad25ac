"""The account of a user. allauth signs users in."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from uuid_utils.compat import uuid7

UNIQUE_EMAIL_CONSTRAINT = "one_user_per_email"
"""The constraint that a sign-up violates if another one with the same address was just stored."""


class UserManager(BaseUserManager["User"]):
    """Creates users. An email address identifies a user, and its case is ignored."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user. With ``None`` as password they cannot sign in with a password."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a member of staff who may use every page of the operators' site."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        """Find a user by email address, in any case."""
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """A user with an account here. ``link_id`` is the id by which data providers know them.

    ``unread`` counts their notifications, so that pages need no query; only ``notifications.inbox`` writes it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(max_length=255)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    link_id = models.UUIDField(default=uuid4, editable=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    unread = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    is_verified: Callable[[], bool]
    """Whether this session is verified by a second factor; set by django-otp's middleware."""
    is_first_sign_in = False

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name=UNIQUE_EMAIL_CONSTRAINT)]

    def __str__(self) -> str:
        return self.email

    def save(self, **options: Any) -> None:
        """Store the user without ``unread``, because a request would overwrite it with the count that it loaded."""
        if not self._state.adding and options.get("update_fields") is None:
            left_out = {"id", "unread", *self.get_deferred_fields()}
            options["update_fields"] = {field.attname for field in self._meta.concrete_fields} - left_out
        super().save(**options)

    @property
    def is_deletion_pending(self) -> bool:
        """Whether the user has asked for the deletion of the account, and can still cancel it."""
        return self.deleted_at is not None

    @property
    def name(self) -> str:
        """The user's full name, or their email address if they have not entered a name."""
        return f"{self.first_name} {self.last_name}".strip() or self.email


def display_name(user: User) -> str:
    """Return the name that allauth shows on its pages and in its emails."""
    return user.name
