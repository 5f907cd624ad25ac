"""How long bank data is kept, and why some of it is withheld from exports, in words that several kinds share."""

from typing import Final

from django.utils.translation import gettext_lazy as _

UNTIL_DELETION: Final = _("Until your account is deleted")
UNTIL_BANK_HISTORY_DELETION: Final = _(
    "Until your account is deleted, or you disconnect the bank and delete its history"
)
UNTIL_HISTORY_DELETION: Final = _(
    "Until your account is deleted, or you disconnect the bank or remove the bank account and delete its history"
)
UNTIL_UNUSED: Final = _("Until it is on no transaction and on no rule")
UNTIL_UNDO_ENDS: Final = _("30 days, and then until you apply a rule again")
ACCESS: Final = _("Anyone with this could read your accounts at the bank.")
