"""What a provider's error means for the user: the sentence that they read, and the one action that they are offered."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class UserAction(StrEnum):
    """The one action that a page offers. ``WAIT`` and ``NONE`` have no button: the site or an operator acts."""

    RECONNECT = "reconnect"
    REVIEW_CONSENT = "review_consent"
    ADD_AGAIN = "add_again"
    WAIT = "wait"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ErrorAdvice:
    """An error code's class in ``provider``, the user's action, and the sentence, with the placeholder ``%(bank)s``.

    ``message`` is empty where the user cannot do anything: then the words of the Item's health are enough. With
    ``selects_accounts``, the dialog that resolves the error asks which accounts to share.
    """

    error: type[Exception]
    action: UserAction = UserAction.NONE
    message: "StrOrPromise" = ""
    selects_accounts: bool = False
