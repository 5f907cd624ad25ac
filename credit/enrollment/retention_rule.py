"""The rule of raw reports: how long a bureau's responses are kept as they came."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from compliance.audit.daily_access import DataKind
from compliance.retention import FixedRule, RetentionChoice, RetentionRule, register_fixed_rule, register_rule
from credit.stored.raw_retention import are_raw_reports_stored, preview_raw_reports, purge_raw_reports

RAW_REPORTS: Final = RetentionRule(
    data_type="original-credit-reports",
    data_kind=DataKind.RAW_REPORT,
    label=_("Credit reports as the bureau sent them"),
    choices=(
        RetentionChoice(730, _("24 months (730 days)")),
        RetentionChoice(365, _("12 months (365 days)")),
        RetentionChoice(None, _("Until you delete your account")),
        RetentionChoice(0, _("Don't keep them")),
    ),
    initial_days=730,
    preselected_days=730,
    stays=_(
        "The reports that our pages show stay, with scores and changes. An original report that we couldn't prepare "
        "yet, or that waits for your answers, stays until that is done."
    ),
    is_stored=are_raw_reports_stored,
    preview=preview_raw_reports,
    purge=purge_raw_reports,
    warnings={0: _("Each original report is then deleted within a day after we prepared it for our pages.")},
)
FIXED_RULES: Final = (
    FixedRule(
        label=_("Credit reports prepared for our pages, scores, and changes"),
        how_long=_(
            "Until your account is deleted. Account details and what alerts say are encrypted; dates, scores, and the "
            "types and times of alerts are not."
        ),
        reason=_("Each report is compared with the one before, and the history of scores needs all of them."),
    ),
    FixedRule(
        label=_("When we requested credit reports"),
        how_long=_("Until your account is deleted"),
        reason=_("It is the record of what was requested about you, and under which consent."),
    ),
)
register_rule(RAW_REPORTS)
register_fixed_rule(*FIXED_RULES)
