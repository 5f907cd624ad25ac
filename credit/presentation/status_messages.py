"""What the user reads when there is no report to show, or no new one: what happened, and what to do.

One message for each ``credit.statuses.EnrollmentStatus``. No message blames the user. A frozen file is no error: the
user asked the bureau for it.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from django.urls import reverse

from credit.statuses import EnrollmentStatus


class MessageLink(NamedTuple):
    """A page of another site, with a label that says whose."""

    label: str
    url: str


class StatusMessage(NamedTuple):
    """What a status page says: a title, some sentences, and the one thing to do, if there is one.

    ``action_url_name`` is the route of that thing, and ``action_method`` its HTTP method. ``alternative`` is a second
    thing to do, always a link. ``notice`` stands above a report that is shown all the same; it may be empty.
    """

    title: str
    texts: tuple[str, ...]
    icon: str
    notice: str = ""
    action: str = ""
    action_url_name: str = ""
    action_method: str = "get"
    alternative: str = ""
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


EXPERIAN_FREEZE: Final = MessageLink("Freezes at Experian", "https://www.experian.com/freeze/center.html")
EXPERIAN_DISPUTES: Final = MessageLink("Corrections at Experian", "https://www.experian.com/disputes/main.html")
ANNUAL_REPORT: Final = MessageLink("Your whole file, free of charge", "https://www.annualcreditreport.com/")

STATUS_MESSAGES: Final[Mapping[EnrollmentStatus, StatusMessage]] = {
    EnrollmentStatus.OFF: StatusMessage(
        title="This site reads no credit reports",
        texts=("Whoever runs it has not connected a credit bureau. Nothing is asked.",),
        notice="This site asks for no new reports.",
        icon="no-symbol",
    ),
    EnrollmentStatus.NO_CONSENT: StatusMessage(
        title="Your credit report, here",
        texts=(
            "Plumbline can show you your own credit report and scores from Experian, keep every report, and say what "
            "changed since the one before.",
            "It does so only on your written instructions. Each time is a soft inquiry, which does not affect your "
            "credit scores, and you can stop it whenever you like.",
        ),
        notice="There is no instruction from you, so no new report is asked for.",
        icon="document-chart-bar",
        action="Read the instruction",
        action_url_name="credit_start",
    ),
    EnrollmentStatus.CONSENT_OUTDATED: StatusMessage(
        title="Your instruction has to be signed again",
        texts=(
            "Its twelve months are over, or its words have changed since you signed.",
            "Until you sign again, nothing new is asked. The reports that you have stay here.",
        ),
        notice="Your instruction has to be signed again before the next report.",
        icon="pencil-square",
        action="Read and sign",
        action_url_name="credit_start",
    ),
    EnrollmentStatus.NOT_PULLED: StatusMessage(
        title="One step is left",
        texts=("You have signed. Experian now needs your details to find your file.",),
        notice="Experian needs your details before the next report.",
        icon="identification",
        action="Give my details",
        action_url_name="credit_details",
    ),
    EnrollmentStatus.PULLING: StatusMessage(
        title="Your report is on its way",
        texts=("Plumbline is asking Experian now. This page looks again by itself; you may also leave it.",),
        notice="A new report is on its way.",
        icon="arrow-path",
        is_in_progress=True,
    ),
    EnrollmentStatus.NO_HIT: StatusMessage(
        title="Experian found no file",
        texts=(
            "No file fits the details that you gave. That has plain causes: a move, another spelling of a name, a "
            "slip in the number, or no credit in the United States so far.",
            "Look at your details once more. Plumbline does not ask again until you have.",
        ),
        notice="When it was last asked, Experian found no file.",
        icon="document-magnifying-glass",
        action="Look at my details",
        action_url_name="credit_details",
    ),
    EnrollmentStatus.FROZEN: StatusMessage(
        title="Your file is frozen",
        texts=(
            "There is a freeze on your file at Experian. It lets nobody new read the file, Plumbline included, until "
            "you lift it. Nothing is wrong: this is how a freeze should work, and it stays as you left it.",
            "Would you like to see your report here? Lift the freeze at Experian, for a day if you like, and then "
            "try again. Lifting it and putting it back are free by law.",
        ),
        notice="Your file is frozen, so there is no newer report.",
        icon="lock-closed",
        action="Try again",
        action_url_name="credit_pull",
        action_method="post",
        links=(EXPERIAN_FREEZE,),
    ),
    EnrollmentStatus.RESTRICTED: StatusMessage(
        title="Experian does not give this report out",
        texts=(
            "There is a mark on the file, and with it Experian sends no report to others. Plumbline is not told more, "
            "and draws no conclusion from it.",
            "Such a mark can be a mistake. Experian can tell you what it is and correct it, and you can see your "
            "whole file yourself.",
        ),
        notice="Experian gives out no newer report.",
        icon="hand-raised",
        links=(EXPERIAN_DISPUTES, ANNUAL_REPORT),
    ),
    EnrollmentStatus.MISMATCH: StatusMessage(
        title="Is this report about you?",
        texts=(
            "Experian sent a report, but not all of it fits the details that you gave: the address or some digits of "
            "the number differ. Until that is settled, nothing of it is shown.",
            "Is something wrong in your details? Correct them, and Plumbline asks once more. Are they right, and it is "
            "Experian's file that is old or has a slip? Then answer a question about the file, to show that it is "
            "yours.",
            "Experian can tell you why its file differs, and correct it.",
        ),
        notice="The newest report does not fit your details and is not shown.",
        icon="finger-print",
        action="Check my details",
        action_url_name="credit_details",
        alternative="Show that it is mine",
        alternative_url_name="credit_identity_check",
        links=(EXPERIAN_DISPUTES, ANNUAL_REPORT),
    ),
    EnrollmentStatus.DETAILS_REFUSED: StatusMessage(
        title="Experian did not accept one detail",
        texts=("Correct it, and Plumbline asks again at once.",),
        notice="Experian did not accept one of your details.",
        icon="pencil-square",
        action="Correct it",
        action_url_name="credit_details",
    ),
    EnrollmentStatus.RETRYING: StatusMessage(
        title="Experian is not answering",
        texts=("No report was made. Plumbline asks again by itself; there is nothing that you have to do.",),
        notice="Experian is not answering. Plumbline asks again by itself.",
        icon="clock",
    ),
    EnrollmentStatus.OUTCOME_UNKNOWN: StatusMessage(
        title="We do not know yet whether there is a report",
        texts=(
            "The line broke while Plumbline was asking. Experian may have made a report all the same.",
            "So that you are not asked about twice, Plumbline waits before it asks again. There is nothing that you "
            "have to do.",
        ),
        notice="The line to Experian broke. Plumbline waits before it asks again.",
        icon="clock",
    ),
    EnrollmentStatus.UNPARSED: StatusMessage(
        title="We got your report but cannot read it yet",
        texts=(
            "Experian answered in a form that Plumbline does not know. The answer is kept, encrypted, and nothing of "
            "it is lost.",
            "This is ours to put right, and whoever runs this site has been told. You will find the report here when "
            "it is.",
        ),
        notice="We got a newer report but cannot read it yet.",
        icon="document-text",
    ),
    EnrollmentStatus.DETAILS_LOST: StatusMessage(
        title="Your details have to be given again",
        texts=(
            "Plumbline keeps the details that it asks Experian with encrypted, and yours cannot be read any more. This "
            "is our fault and not yours, and whoever runs this site has been told.",
            "Until you have given them again, nothing is asked. The reports that you have stay here.",
        ),
        notice="Your details cannot be read any more. Give them again before the next report.",
        icon="identification",
        action="Give my details",
        action_url_name="credit_details",
    ),
    EnrollmentStatus.UNAVAILABLE: StatusMessage(
        title="Credit reports are not available at the moment",
        texts=(
            "Something between this site and Experian has to be put right by those who run the site, and they have "
            "been told. Until then nothing is asked. There is nothing that you have to do.",
        ),
        notice="New reports are not available at the moment.",
        icon="wrench-screwdriver",
    ),
    EnrollmentStatus.STALE: StatusMessage(
        title="Your report is old",
        texts=("It is more than 45 days old, and no newer one came.",),
        notice="This report is more than 45 days old. Much may have changed since.",
        icon="clock",
    ),
    EnrollmentStatus.READY: StatusMessage(
        title="No report is kept here",
        texts=("There is none to show. The next one is asked for by itself.",),
        icon="check",
    ),
}
# Where the details are stored and no report was pulled with them yet.
READY_TO_PULL: Final = StatusMessage(
    title="Experian can be asked now",
    texts=("Your details are here, and nobody has asked with them yet.",),
    icon="paper-airplane",
    action="Get my report",
    action_url_name="credit_pull",
    action_method="post",
)
# Where there is a report to show, and neither it nor the answer behind it can be opened.
REPORT_UNREADABLE: Final = StatusMessage(
    title="Your report cannot be read",
    texts=(
        "Plumbline keeps your reports encrypted, and this one does not open any more. Whoever runs this site has been "
        "told. The next report is obtained as usual.",
    ),
    icon="lock-closed",
)
# The name of each field within a sentence.
FIELD_LABELS: Final[Mapping[str, str]] = {
    "first_name": "first name",
    "middle_name": "middle name",
    "last_name": "last name",
    "suffix": "suffix",
    "line1": "street address",
    "line2": "apartment or unit",
    "city": "city",
    "state": "state",
    "zip_code": "ZIP code",
    "birth": "date of birth",
    "ssn": "Social Security number",
}


def banner_for(state: EnrollmentStatus) -> Banner | None:
    """Return the banner above a report that is shown all the same; ``None`` without a notice."""
    status_message = STATUS_MESSAGES[state]
    if not status_message.notice:
        return None
    if status_message.alternative:
        # The page of the alternative links to both.
        return Banner(
            "warn", status_message.notice, "", reverse(status_message.alternative_url_name), status_message.alternative
        )
    posts = status_message.action_method != "get" or not status_message.action_url_name
    place, action = (
        ("credit_rights", "See what comes next") if posts else (status_message.action_url_name, status_message.action)
    )
    tone = "info" if status_message.is_in_progress else "warn"
    return Banner(tone, status_message.notice, "", reverse(place), action)
