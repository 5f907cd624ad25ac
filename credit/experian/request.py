"""The request for one report: the applicant, the codes of our contract, and only the add-ons that the pages need.

We never request joint reports, income, employment checks, or OFAC and MLA searches, although Experian offers them.
"""

import re
import unicodedata
from datetime import date
from typing import Any

from django.views.decorators.debug import sensitive_variables

from credit.experian.settings import ExperianSettings
from credit.provider import Applicant, BureauInputError

Json = dict[str, Any]

MAX_NAME_LENGTH, MAX_LINE_LENGTH = 32, 60
MIN_BIRTH_YEAR = 1880
GENERATIONS = {"JR": "J", "SR": "S", "II": "2", "III": "3", "IV": "4", "V": "5", "VI": "6"}

# Letters, with dashes between the parts of a compound name; an apostrophe only after D, L and O.
_NAME = re.compile(r"([DLO]')?[A-Z]+(-([DLO]')?[A-Z]+)*")
_STRAY_APOSTROPHE = re.compile(r"(?<![DLO])'|(?<=[A-Z][DLO])'")
_SSN = re.compile(r"(\d{3})-?(\d{2})-?(\d{4})|\d{4}", re.ASCII)
_ZIP = re.compile(r"(\d{5})-?(\d{4})?", re.ASCII)


@sensitive_variables()
def build_request(applicant: Applicant, settings: ExperianSettings) -> Json:
    """Build the request of the Consumer Credit Profile API, version 2. Raises ``BureauInputError``."""
    body: Json = {
        "consumerPii": {"primaryApplicant": build_applicant(applicant, is_sample=settings.is_sample)},
        "requestor": {"subscriberCode": settings.subscriber_code},
        "permissiblePurpose": {"type": settings.permissible_purpose},
        "addOns": {
            "riskModels": {"modelIndicator": list(settings.risk_models), "scorePercentile": "Y"},
            "summaries": {"summaryType": ["Profile Summary"]},
            "fraudShield": "Y",
            "paymentHistory84": "Y",
            "consumerIdentCheck": {"getUniqueConsumerIdentifier": "Y"},
        },
    }
    if settings.vendor_number:
        body["vendorData"] = {"vendorNumber": settings.vendor_number, "vendorVersion": settings.vendor_version}
    return body


@sensitive_variables()
def build_applicant(applicant: Applicant, *, is_sample: bool) -> Json:
    """Build the applicant of a request. Raises ``BureauInputError`` naming the field of ``Applicant``."""
    fields: Json = {
        "name": {
            "lastName": _name(applicant.last_name, "last_name"),
            "firstName": _name(applicant.first_name, "first_name"),
        },
        "currentAddress": _address(applicant),
    }
    if applicant.middle_name:
        fields["name"]["middleName"] = _name(applicant.middle_name, "middle_name")
    if applicant.suffix:
        fields["name"]["generationCode"] = _generation(applicant.suffix)
    if applicant.birth is not None:
        fields["dob"] = {"dob": _birth(applicant.birth)}
    if applicant.ssn:
        fields["ssn"] = {"ssn": _ssn(applicant.ssn, is_sample=is_sample)}
    return fields


@sensitive_variables()
def _address(applicant: Applicant) -> Json:
    address = {"line1": _line(applicant.line1, "line1"), "zipCode": _zip(applicant.zip_code)}
    if applicant.line2:
        address["line2"] = _line(applicant.line2, "line2")
    if applicant.city:
        address["city"] = _line(applicant.city, "city")
    if applicant.state:
        address["state"] = _state(applicant.state)
    return address


@sensitive_variables()
def _name(value: str, field: str) -> str:
    """Capital letters without accents. Inner blanks become dashes; stray apostrophes and dots are removed."""
    name = "-".join(_plain(value).replace(".", " ").replace("-", " ").split())
    name = _STRAY_APOSTROPHE.sub("", name)
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
        raise BureauInputError("NAME_REFUSED", field=field)
    return name


@sensitive_variables()
def _generation(value: str) -> str:
    generation = GENERATIONS.get(value.strip().rstrip(".").upper())
    if generation is None:
        raise BureauInputError("NAME_REFUSED", field="suffix")
    return generation


@sensitive_variables()
def _line(value: str, field: str) -> str:
    line = " ".join(_plain(value).split())
    if not line or not line.isascii() or not line.isprintable() or len(line) > MAX_LINE_LENGTH:
        raise BureauInputError("ADDRESS_REFUSED", field=field)
    return line


@sensitive_variables()
def _plain(value: str) -> str:
    typed = value.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\N{MODIFIER LETTER APOSTROPHE}", "'")
    letters = unicodedata.normalize("NFKD", typed)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).upper()


@sensitive_variables()
def _zip(value: str) -> str:
    match = _ZIP.fullmatch(value.strip())
    if not match:
        raise BureauInputError("ZIP_REFUSED", field="zip_code")
    return "".join(filter(None, match.groups()))


@sensitive_variables()
def _state(value: str) -> str:
    state = value.strip().upper()
    if not re.fullmatch("[A-Z]{2}", state):
        raise BureauInputError("STATE_REFUSED", field="state")
    return state


@sensitive_variables()
def _birth(value: date | int) -> str:
    year = value.year if isinstance(value, date) else value
    if not MIN_BIRTH_YEAR <= year <= 9999:
        raise BureauInputError("BIRTH_REFUSED", field="birth")
    return f"{value:%m%d%Y}" if isinstance(value, date) else str(year)


@sensitive_variables()
def _ssn(value: str, *, is_sample: bool) -> str:
    """Nine digits or the last four. Production refuses numbers that are never issued: they are typing errors."""
    match = _SSN.fullmatch(value.strip())
    if not match:
        raise BureauInputError("SSN_REFUSED", field="ssn")
    area, group, serial = match.groups()
    if area is None:
        return match.group()
    if not is_sample and (area in ("000", "666") or area >= "900" or group == "00" or serial == "0000"):
        raise BureauInputError("SSN_REFUSED", field="ssn")
    return f"{area}{group}{serial}"
