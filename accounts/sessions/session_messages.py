"""Messages that a user's other sessions show once: stored as a code and values, and translated when shown."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.sessions.lifetime import PENDING_MESSAGES
from accounts.sessions.session_store import session_hash
from accounts.sessions.user_agents import describe_device
from accounts.users.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

logger = logging.getLogger(__name__)


class SessionMessage(StrEnum):
    """The messages for other sessions. The values are stored; never change or reuse one."""

    NEW_BROWSER = "new_browser"
    EMAIL_CHANGED = "email_changed"
    AUTHENTICATOR_ADDED = "authenticator_added"
    PASSKEY_ADDED = "passkey_added"
    RECOVERY_CODES_GENERATED = "recovery_codes_generated"
    RECOVERY_CODE_USED = "recovery_code_used"


TEXTS: Final[Mapping[SessionMessage, "StrOrPromise"]] = {
    # ``device`` is derived from the stored value ``user_agent``, which is a header.
    SessionMessage.NEW_BROWSER: gettext_lazy("New browser signed in to your account: %(device)s."),
    SessionMessage.EMAIL_CHANGED: gettext_lazy("The email address of your account was changed."),
    SessionMessage.AUTHENTICATOR_ADDED: gettext_lazy("An authenticator app was added to your account."),
    SessionMessage.PASSKEY_ADDED: gettext_lazy("A passkey was added to your account."),
    SessionMessage.RECOVERY_CODES_GENERATED: gettext_lazy("Recovery codes were generated for your account."),
    SessionMessage.RECOVERY_CODE_USED: gettext_lazy("A recovery code was used for your account. Codes left: %(left)s."),
}


@transaction.atomic
def queue_message_for_other_sessions(
    request: HttpRequest, user: User, message: SessionMessage, **values: int | str
) -> None:
    """Queue a message that each of the user's other sessions shows once, within a minute of use."""
    stored = {"code": message.value, "values": values}
    # Locked, because each session updates its own row when it reads its messages; in one order, so that two
    # transactions do not deadlock.
    rows = UserSession.objects.select_for_update().filter(user=user).order_by("pk")
    for row in rows.exclude(session_key=session_hash(request.session)):
        row.data[PENDING_MESSAGES] = [*row.data.get(PENDING_MESSAGES, []), stored]
        row.save(update_fields=["data"])


def describe_message(stored: Any) -> str:
    """Return the text of a stored message. An unknown one gets a text that refers to the security page."""
    code = stored.get("code") if isinstance(stored, Mapping) else None
    try:
        values = {"device": describe_device(stored["values"].get("user_agent", "")), **stored["values"]}
        return str(TEXTS[SessionMessage(stored["code"])]) % values
    except (AttributeError, KeyError, TypeError, ValueError):
        logger.error("A session message cannot be described: code %s", code)
        return _("Your account was changed. Review it on the security page.")
