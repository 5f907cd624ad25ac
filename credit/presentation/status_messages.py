"""The messages for users without a report to show, or without a new one: what happened, and what to do.

One message for each ``credit.statuses.EnrollmentStatus``. No message blames the user. A frozen file is not an error:
the user requested the freeze.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from credit.statuses import EnrollmentStatus

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class MessageLink(NamedTuple):
    """A page of another site, with a label that names it."""

    label: "StrOrPromise"
    url: str


class StatusMessage(NamedTuple):
    """The text of a status page: a title, some sentences, and the one action that the user can take, if there is one.

    ``action_url_name`` is the route of the action, and ``action_method`` its HTTP method. ``alternative`` is a second
    action, always a link. ``notice`` is shown above the report if there is one; it may be empty.
    """

    title: "StrOrPromise"
    texts: tuple["StrOrPromise", ...]
    icon: str
    notice: "StrOrPromise" = ""
    action: "StrOrPromise" = ""
    action_url_name: str = ""
    action_method: str = "get"
    alternative: "StrOrPromise" = ""
    alternative_url_name: str = ""
    links: tuple[MessageLink, ...] = ()
    is_in_progress: bool = False


class Banner(NamedTuple):
    """A status message in one line, as ``ui/banner.html`` shows it."""

    tone: str
    title: str
    text: str
    url: str
    action: str


EXPERIAN_FREEZE: Final = MessageLink(_("Freeze at Experian"), "https://www.experian.com/freeze/center.html")
EXPERIAN_DISPUTES: Final = MessageLink(_("Dispute at Experian"), "https://www.experian.com/disputes/main.html")
ANNUAL_REPORT: Final = MessageLink(_("Full report from AnnualCreditReport.com"), "https://www.annualcreditreport.com/")

STATUS_MESSAGES: Final[Mapping[EnrollmentStatus, StatusMessage]] = {
    EnrollmentStatus.OFF: StatusMessage(
        title=_("This site has no credit reports"),
        texts=(_("No credit bureau is connected to this site, so it requests no reports."),),
        notice=_("This site doesn't request new reports."),
        icon="no-symbol",
    ),
    EnrollmentStatus.NO_CONSENT: StatusMessage(
        title=_("Your credit report"),
        texts=(
            _("See your credit report and scores from Experian, and what changed since your last report."),
            _(
                "We request reports only with your authorization. Each report is a soft inquiry, which doesn't affect "
                "your credit scores. You can withdraw at any time."
            ),
        ),
        notice=_("We have no authorization from you, so we don't request new reports."),
        icon="document-chart-bar",
        action=_("Review authorization"),
        action_url_name="credit_start",
    ),
    EnrollmentStatus.CONSENT_OUTDATED: StatusMessage(
        title=_("Renew your authorization"),
        texts=(
            _("It expired, or its terms changed since you signed."),
            _("We don't request new reports until you sign again. You keep the reports you have."),
        ),
        notice=_("Renew your authorization to get your next report."),
        icon="pencil-square",
        action=_("Review and sign"),
        action_url_name="credit_start",
    ),
    EnrollmentStatus.NOT_PULLED: StatusMessage(
        title=_("One step left"),
        texts=(_("You signed. Experian now needs your details to find your credit file."),),
        notice=_("Experian needs your details for your next report."),
        icon="identification",
        action=_("Enter my details"),
        action_url_name="credit_details",
    ),
    EnrollmentStatus.PULLING: StatusMessage(
        title=_("Your report is on its way"),
        texts=(_("We're requesting your report. This page updates automatically."), _("You can leave this page.")),
        notice=_("We're requesting a new report."),
        icon="arrow-path",
        is_in_progress=True,
    ),
    EnrollmentStatus.NO_HIT: StatusMessage(
        title=_("Experian found no credit file"),
        texts=(
            _("No credit file matches your details. Check for a typo or old address."),
            _(
                "You may also have no credit history in the United States yet. We request your report again after you "
                "update your details."
            ),
        ),
        notice=_("Experian found no credit file at our last request."),
        icon="document-magnifying-glass",
        action=_("Check my details"),
        action_url_name="credit_details",
    ),
    EnrollmentStatus.FROZEN: StatusMessage(
        title=_("Your credit file is frozen"),
        texts=(
            _("Nothing is wrong: while a freeze is in place, Experian doesn't release your report to us."),
            _("Lift the freeze at Experian to get your report. It's free."),
        ),
        notice=_("Your credit file is frozen, so there is no newer report."),
        icon="lock-closed",
        action=_("Request my report"),
        action_url_name="credit_pull",
        action_method="post",
        links=(EXPERIAN_FREEZE,),
    ),
    EnrollmentStatus.RESTRICTED: StatusMessage(
        title=_("Experian didn't release this report"),
        texts=(
            _("Your credit file has a mark, and Experian doesn't release the report with it. It doesn't tell us more."),
            _("A mark can be a mistake. Experian can tell you what it is, and you can get your full report yourself."),
        ),
        notice=_("Experian didn't release a newer report."),
        icon="hand-raised",
        links=(EXPERIAN_DISPUTES, ANNUAL_REPORT),
    ),
    EnrollmentStatus.MISMATCH: StatusMessage(
        title=_("Is this report about you?"),
        texts=(
            _(
                "Experian sent a report, but its address or some digits of its Social Security number differ from your "
                "details. We don't show it until you confirm that it's yours."
            ),
            _(
                "If your details have a mistake, correct them, and we request your report once more. If they are "
                "right, answer questions about the report."
            ),
            _("Experian can tell you why its file differs."),
        ),
        notice=_("Your newest report doesn't match your details, so we don't show it."),
        icon="finger-print",
        action=_("Check my details"),
        action_url_name="credit_details",
        alternative=_("Confirm it's mine"),
        alternative_url_name="credit_identity_check",
        links=(EXPERIAN_DISPUTES, ANNUAL_REPORT),
    ),
    EnrollmentStatus.DETAILS_REFUSED: StatusMessage(
        title=_("Experian didn't accept one of your details"),
        texts=(_("Correct it, and we request your report right away."),),
        notice=_("Experian didn't accept one of your details."),
        icon="pencil-square",
        action=_("Correct my details"),
        action_url_name="credit_details",
    ),
    EnrollmentStatus.RETRYING: StatusMessage(
        title=_("We couldn't get your report"),
        texts=(_("Our request to Experian failed, and no report was made."), _("We try again automatically.")),
        notice=_("We couldn't get a new report. We try again automatically."),
        icon="clock",
    ),
    EnrollmentStatus.OUTCOME_UNKNOWN: StatusMessage(
        title=_("We don't know yet if there is a report"),
        texts=(
            _("We lost the connection before Experian answered."),
            _("To avoid a second report, we wait, then try again automatically."),
        ),
        notice=_("We lost the connection before Experian answered. We wait before we try again."),
        icon="clock",
    ),
    EnrollmentStatus.UNPARSED: StatusMessage(
        title=_("We can't read your report yet"),
        texts=(
            _("Experian's answer has a format that we don't know yet. We keep the answer, encrypted."),
            _("This is a problem on our end. You don't need to do anything."),
        ),
        notice=_("We received a newer report but can't read it yet."),
        icon="document-text",
    ),
    EnrollmentStatus.DETAILS_LOST: StatusMessage(
        title=_("Enter your details again"),
        texts=(
            _("We can't decrypt the details you gave us. This is a problem on our end."),
            _("We don't request new reports until you enter your details. You keep the reports you have."),
        ),
        notice=_("We can't decrypt your details. Enter them again to get your next report."),
        icon="identification",
        action=_("Enter my details"),
        action_url_name="credit_details",
    ),
    EnrollmentStatus.UNAVAILABLE: StatusMessage(
        title=_("Credit reports are unavailable"),
        texts=(
            _("We can't request reports right now."),
            _("You don't need to do anything. We try again when your next monthly report is due."),
        ),
        notice=_("We can't request new reports right now."),
        icon="wrench-screwdriver",
    ),
    EnrollmentStatus.STALE: StatusMessage(
        title=_("Your report is out of date"),
        texts=(_("It is more than 45 days old, and we have no newer one."),),
        notice=_("This report is more than 45 days old. It may be out of date."),
        icon="clock",
    ),
    EnrollmentStatus.READY: StatusMessage(
        title=_("No report to show"),
        texts=(_("We have no report for you. We request the next one automatically."),),
        icon="check",
    ),
}
# If the details are stored and no report was pulled with them yet.
READY_TO_PULL: Final = StatusMessage(
    title=_("Your details are saved"),
    texts=(_("You can request your report now."),),
    icon="paper-airplane",
    action=_("Get my report"),
    action_url_name="credit_pull",
    action_method="post",
)
# If neither the report nor its raw report can be decrypted.
REPORT_UNREADABLE: Final = StatusMessage(
    title=_("We can't open your report"),
    texts=(_("This is a problem on our end. Your next report is requested as usual."),),
    icon="lock-closed",
)
# The name of each field that a bureau may not accept.
FIELD_LABELS: Final[Mapping[str, "StrOrPromise"]] = {
    "first_name": _("First name"),
    "middle_name": _("Middle name"),
    "last_name": _("Last name"),
    "suffix": _("Suffix"),
    "line1": _("Street address"),
    "line2": _("Apartment or unit"),
    "city": _("City"),
    "state": _("State"),
    "zip_code": _("ZIP code"),
    "birth": _("Date of birth"),
    "ssn": _("Social Security number"),
}


def banner_for(state: EnrollmentStatus) -> Banner | None:
    """Return the banner above the report if there is one; ``None`` without a notice."""
    status_message = STATUS_MESSAGES[state]
    if not status_message.notice:
        return None
    notice = str(status_message.notice)
    if status_message.alternative:
        # The page of the alternative links to both.
        place, action = status_message.alternative_url_name, status_message.alternative
        return Banner("warn", notice, "", reverse(place), str(action))
    posts = status_message.action_method != "get" or not status_message.action_url_name
    place, action = (
        ("credit_rights", gettext("View details")) if posts else (status_message.action_url_name, status_message.action)
    )
    tone = "info" if status_message.is_in_progress else "warn"
    return Banner(tone, notice, "", reverse(place), str(action))
