"""The forms of credit: the signature, the personal details, the identity check, the unmasked download."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from credit.bureaus import current_bureau
from credit.enrollment.authorization import is_signature
from credit.provider import Applicant, BureauInputError
from credit.pulls.identity_check import IdentityAnswer

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MINIMUM_AGE: Final = 18
MAX_SIGNATURE_LENGTH: Final = 120
NEVER_ISSUED: Final = "666"
PUBLISHED_TEST_NUMBER: Final = "111111111"
"""The number of the test consumer in Experian's own sandbox."""

UNTICKED: Final = _("Check the box to continue.")
TOO_YOUNG: Final = _("You must be at least 18 years old.")
REAL_NUMBER: Final = _(
    "This site shows sample data and doesn't accept real Social Security numbers. Sample numbers begin with 666. We "
    "didn't store the number."
)
LEFT_OUT: Final = _("You can leave this empty. We then use the last four digits we have, %(digits)s.")
OTHER_NAME: Final = _("Enter the name you signed with: %(name)s. To use another name, sign again.")
REFUSED: Final[Mapping[str, "StrOrPromise"]] = {
    "NAME_REFUSED": _("Enter a name of up to %(name_length)s letters. %(bureau)s accepts spaces and hyphens in it."),
    "ADDRESS_REFUSED": _(
        "Enter up to %(line_length)s characters. %(bureau)s accepts unaccented letters, digits and signs."
    ),
    "ZIP_REFUSED": _("Enter a ZIP code of 5 or 9 digits, like 46360."),
    "STATE_REFUSED": _("Enter a state as two letters, like IN."),
    "BIRTH_REFUSED": _("Enter a date of birth with a valid year, like 04/30/1980."),
    "SSN_REFUSED": _("Enter a 9-digit Social Security number."),
}
BY_BUREAU: Final = _("Experian didn't accept this. Check it for a typo, then try again.")
# A valid value for each field, used in place of an invalid one while the other fields are checked.
NEUTRAL: Final[Mapping[str, Any]] = {
    "first_name": "A", "middle_name": "", "last_name": "A", "suffix": "", "line1": "A", "line2": "", "city": "",
    "state": "", "zip_code": "00000", "birth": None, "ssn": "",
}  # fmt: skip


def text_input(autocomplete: str, **attributes: str) -> forms.TextInput:
    """Return a text input that the browser may fill in."""
    return forms.TextInput(attrs={"autocomplete": autocomplete, **attributes})


def suffix_choices() -> list[tuple[str, str]]:
    """Return the choices: no suffix, then the generation suffixes that the bureau accepts."""
    return [("", gettext("None")), *((suffix, suffix) for suffix in current_bureau().applicant_limits.suffixes)]


def refusal_message(code: str) -> str:
    """Return the message that says which format of a field the bureau accepts."""
    bureau = current_bureau()
    limits = bureau.applicant_limits
    values = {"bureau": bureau.name, "name_length": limits.name_length, "line_length": limits.line_length}
    return str(REFUSED[code]) % values


# A month, as its first day. Browsers without a month input show a text field.
MONTH: Final[Mapping[str, Any]] = {
    "input_formats": ["%Y-%m", "%m/%Y"],
    "widget": forms.DateInput(format="%Y-%m", attrs={"type": "month", "autocomplete": "off"}),
    "error_messages": {"invalid": _("Enter a month and year, like 07/2014.")},
}
MONTH_HELP: Final = _(
    "For a card, loan or mortgage of your own, open or closed. The contract or the first statement shows the month."
)


class SecretInput(forms.TextInput):
    """A masked field. Its value is sent to the server and never rendered again.

    It is not a password field: browsers would offer to save its value.
    """

    def __init__(self) -> None:
        hints = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        super().__init__(attrs={"class": "masked", "inputmode": "numeric", "maxlength": "11", **hints})

    def get_context(self, name: str, value: object, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Render the field empty, even if a value was sent."""
        return dict(super().get_context(name, None, attrs))


class AuthorizationForm(forms.Form):
    """The signature under the authorization."""

    agree = forms.BooleanField(
        label=_("I have read this, and I give these written instructions."), error_messages={"required": UNTICKED}
    )
    typed_name = forms.CharField(
        label=_("Full name, as your signature"),
        max_length=MAX_SIGNATURE_LENGTH,
        widget=text_input("name"),
        error_messages={"required": _("Enter your full name to sign.")},
    )


class DetailsForm(forms.Form):
    """The details of the user whose report is pulled. They are never logged, and the number is never shown again."""

    first_name = forms.CharField(label=_("First name"), max_length=100, widget=text_input("given-name"))
    middle_name = forms.CharField(
        label=_("Middle name (optional)"), max_length=100, required=False, widget=text_input("additional-name")
    )
    last_name = forms.CharField(label=_("Last name"), max_length=100, widget=text_input("family-name"))
    suffix = forms.ChoiceField(label=_("Suffix (optional)"), required=False, choices=suffix_choices)
    line1 = forms.CharField(
        label=_("Street address"),
        help_text=_("Your current address, as on your bills."),
        max_length=100,
        widget=text_input("address-line1"),
    )
    line2 = forms.CharField(
        label=_("Apartment or unit (optional)"), max_length=100, required=False, widget=text_input("address-line2")
    )
    city = forms.CharField(label=_("City"), max_length=100, widget=text_input("address-level2"))
    state = forms.CharField(
        label=_("State"),
        help_text=_("Two letters, like IN."),
        max_length=2,
        widget=text_input("address-level1", autocapitalize="characters"),
    )
    zip_code = forms.CharField(
        label=_("ZIP code"), max_length=10, widget=text_input("postal-code", inputmode="numeric")
    )
    birth = forms.DateField(
        label=_("Date of birth"),
        input_formats=["%Y-%m-%d", "%m/%d/%Y"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "bday"}),
        error_messages={"invalid": _("Enter a date as month/day/year, like 04/30/1980.")},
    )
    ssn = forms.CharField(label=_("Social Security number"), max_length=11, widget=SecretInput)
    keep_ssn = forms.BooleanField(
        label=_("Save my Social Security number for monthly reports (optional)"),
        help_text=_(
            "We encrypt it, use it only to request your reports, and delete it when you withdraw. Without it, we use "
            "the last four digits, and may ask you for the number again."
        ),
        required=False,
    )

    def __init__(self, *args: Any, signed_as: str, last_four: str = "", **options: Any) -> None:
        """``signed_as`` is the name of the signature. With ``last_four`` digits the number is optional."""
        super().__init__(*args, **options)
        self.signed_as, self.last_four = signed_as, last_four
        if last_four:
            self.fields["ssn"].required = False
            self.fields["ssn"].help_text = LEFT_OUT % {"digits": last_four}

    def clean_birth(self) -> date:
        """Raise ``ValidationError`` for a user under 18."""
        birth, today = self.cleaned_data["birth"], timezone.localdate()
        age = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
        if age < MINIMUM_AGE:
            raise ValidationError(TOO_YOUNG)
        return birth

    @sensitive_variables()
    def clean_ssn(self) -> str:
        """Return nine digits, or the last four that are stored.

        Raise ``ValidationError`` for any other value, and for a real number on a site with sample data.
        """
        digits = re.sub(r"[\s-]", "", self.cleaned_data["ssn"])
        if not digits and self.last_four:
            return self.last_four
        if not (digits.isascii() and digits.isdigit() and len(digits) == 9):
            raise ValidationError(REFUSED["SSN_REFUSED"])
        if is_sample() and not digits.startswith(NEVER_ISSUED) and digits != PUBLISHED_TEST_NUMBER:
            raise ValidationError(REAL_NUMBER)
        return digits

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        """Add an error for each field that the bureau would refuse, and for a name that is not the signature's."""
        applicant = self.applicant()
        for _field in NEUTRAL:
            try:
                current_bureau().validate_applicant(applicant)
            except BureauInputError as refused:
                self.refuse(refused.field, refusal_message(refused.code))
                applicant = replace(applicant, **{refused.field: NEUTRAL[refused.field]})
        self._compare_signature()
        return self.cleaned_data

    def _compare_signature(self) -> None:
        names = {name: self.cleaned_data.get(name, "") for name in ("first_name", "middle_name", "last_name")}
        if names["first_name"] and names["last_name"] and not is_signature(self.signed_as, **names):
            self.add_error("first_name", OTHER_NAME % {"name": self.signed_as})

    def refuse(self, field: str, message: "StrOrPromise" = BY_BUREAU) -> None:
        """Add the bureau's refusal to a field, or to the whole form if the bureau names no field."""
        if field not in self.errors:
            self.add_error(field if field in self.fields else None, message)

    def applicant(self) -> Applicant:
        """Return the details from the valid fields. An invalid field gets a neutral value."""
        return Applicant(**{name: self.cleaned_data.get(name) or neutral for name, neutral in NEUTRAL.items()})


class IdentityCheckForm(forms.Form):
    """The answer to the identity check."""

    zip_code = forms.CharField(
        label=_("ZIP code of an earlier address"),
        help_text=_("Of any earlier address that your lenders had. If you never moved, enter your current ZIP code."),
        max_length=10,
        widget=text_input("off", inputmode="numeric"),
    )
    first_month = forms.DateField(label=_("Month you opened an account"), help_text=MONTH_HELP, **MONTH)
    second_month = forms.DateField(
        label=_("Month you opened another account (optional)"),
        help_text=_("A different month. Leave this empty only if you have had one account."),
        required=False,
        **MONTH,
    )

    def clean_zip_code(self) -> str:
        """Return the first five digits. Raise ``ValidationError`` if it is not a ZIP code."""
        match = re.fullmatch(r"([0-9]{5})(?:-?[0-9]{4})?", self.cleaned_data["zip_code"])
        if match is None:
            raise ValidationError(REFUSED["ZIP_REFUSED"])
        return match[1]

    def answer(self) -> IdentityAnswer:
        """Return the answer of a valid form."""
        months = (self.cleaned_data["first_month"], self.cleaned_data["second_month"])
        return IdentityAnswer(self.cleaned_data["zip_code"], frozenset(month for month in months if month))


class UnmaskedDownloadForm(forms.Form):
    """The explicit confirmation that a report is downloaded unmasked."""

    complete = forms.BooleanField(
        label=_("Include my full Social Security number and account numbers."),
        error_messages={"required": _("Check the box to download the unmasked report.")},
    )


def is_sample() -> bool:
    """Whether reports are about made-up consumers, so that real numbers are refused."""
    return current_bureau().is_sample
