"""Validation of report requests. An unknown, misplaced or invalid field is refused.

The real service accepts some of them. Here they are refused, so that a client's mistakes are found.
Source: the published OpenAPI document of the Consumer Credit Profile, version 2.
"""

from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request

from sandbox.api.fields import Field, accept, list_of, object_of, one_of, text
from sandbox.bureau.errors import BureauError
from sandbox.bureau.reports import AddOns
from sandbox.errors import PlaidError
from sandbox.json_codec import json_object

SUBSCRIBER = "2222222"
PURPOSES = ("08", "0B", "3F")
TEST_AREA = "666"
# Letters, with dashes between parts; an apostrophe only after D, L or O.
NAME = r"(?:[DLOdlo]')?[A-Za-z]+(?:-(?:[DLOdlo]')?[A-Za-z]+)*"
BORN = r"(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))?(?:18|19|20)\d\d"
REFERENCE = text(least=1, most=32, matches=r"[A-Za-z0-9]+")
FLAG = one_of("Y", "N")


def name(*, required: bool) -> Field:
    return Field(text(least=1, most=32, matches=NAME), required=required)


def non_empty_text(most: int, matches: str = "", *, required: bool = False) -> Field:
    return Field(text(least=1, most=most, matches=matches), required=required)


NAMES = {
    "lastName": name(required=True),
    "firstName": name(required=True),
    "middleName": name(required=False),
    "generationCode": Field(one_of("J", "S", "2", "3", "4", "5", "6", "7", "8", "9")),
}
ADDRESS = {
    "line1": non_empty_text(60, required=True),
    "line2": non_empty_text(60),
    "city": non_empty_text(38),
    "state": non_empty_text(2, r"[A-Z]{2}"),
    "zipCode": non_empty_text(9, r"\d{5}(?:\d{4})?", required=True),
}
APPLICANT = {
    "name": Field(object_of(NAMES), required=True),
    "currentAddress": Field(object_of(ADDRESS), required=True),
    "previousAddress": Field(list_of(object_of(ADDRESS), most=2)),
    "dob": Field(object_of({"dob": non_empty_text(8, BORN, required=True)})),
    "ssn": Field(object_of({"ssn": non_empty_text(11, r"\d{4}|\d{9}|\d{3}-\d{2}-\d{4}", required=True)})),
    "phone": Field(
        list_of(
            object_of({"number": non_empty_text(10, r"\d{10}", required=True), "type": non_empty_text(1, "[RBIFCT]")})
        )
    ),
    "driverslicense": Field(
        object_of({"number": non_empty_text(20, required=True), "state": non_empty_text(2, r"[A-Z]{2}")})
    ),
    "employment": Field(object_of()),
}
MODELS = {
    "modelIndicator": Field(list_of(text(least=2, most=2), least=1, most=9), required=True),
    "scorePercentile": Field(FLAG),
}
ADD_ONS = {
    "riskModels": Field(object_of(MODELS)),
    "summaries": Field(object_of({"summaryType": Field(list_of(one_of("Profile Summary"), least=1, most=1))})),
    "fraudShield": Field(FLAG),
    "paymentHistory84": Field(FLAG),
    "trendedData": Field(FLAG),
    "outputType": Field(one_of("JSON")),
    "consumerIdentCheck": Field(object_of({"getUniqueConsumerIdentifier": Field(FLAG)})),
    # Add-ons of the real service that this subscriber does not use: only "N" is accepted.
    **{unused: Field(one_of("N")) for unused in ("mla", "ofacmsg", "directCheck", "demographics", "joint")},
}
SHAPE = {
    "consumerPii": Field(object_of({"primaryApplicant": Field(object_of(APPLICANT), required=True)}), required=True),
    "requestor": Field(
        object_of({"subscriberCode": non_empty_text(7, r"[A-Za-z0-9]{7}", required=True)}), required=True
    ),
    "permissiblePurpose": Field(
        object_of(
            {
                "type": non_empty_text(2, required=True),
                "terms": non_empty_text(3, ".{3}"),
                "abbreviatedAmount": non_empty_text(3, ".{3}"),
            }
        ),
        required=True,
    ),
    "resellerInfo": Field(object_of({"endUserName": non_empty_text(30, required=True)})),
    "vendorData": Field(
        object_of({"vendorNumber": non_empty_text(3, r"[A-Za-z0-9]{3}"), "vendorVersion": non_empty_text(6)})
    ),
    "freezeOverride": Field(object_of({"primaryApplFreezeOverrideCode": non_empty_text(10, required=True)})),
    "addOns": Field(object_of(ADD_ONS)),
    "customOptions": Field(object_of({"optionId": Field(list_of(text(least=1, most=10)))})),
}


@dataclass(frozen=True)
class ReportRequest:
    """A validated request: its applicant, purpose and add-ons. It must not be logged."""

    surname: str
    first_name: str
    ssn: str
    zip_code: str
    born: str
    purpose: str
    reference: str
    add_ons: AddOns


def parse_request(request: Request) -> ReportRequest:
    """Parse and validate a request. Raises BureauError."""
    reference = _headers(request)
    body = _body(request)
    _accept(body)
    applicant = body["consumerPii"]["primaryApplicant"]
    ssn = applicant.get("ssn", {}).get("ssn", "").replace("-", "")
    if len(ssn) == 9 and not ssn.startswith(TEST_AREA):
        raise BureauError("invalid_ssn")
    if body["permissiblePurpose"]["type"] not in PURPOSES:
        raise BureauError("unknown_purpose")
    if body["requestor"]["subscriberCode"] != SUBSCRIBER:
        raise BureauError("not_allowed")
    return ReportRequest(
        surname=applicant["name"]["lastName"],
        first_name=applicant["name"]["firstName"],
        ssn=ssn,
        zip_code=applicant["currentAddress"]["zipCode"],
        born=applicant.get("dob", {}).get("dob", ""),
        purpose=body["permissiblePurpose"]["type"],
        reference=reference,
        add_ons=_parse_add_ons(body.get("addOns") or {}),
    )


def _headers(request: Request) -> str:
    """Check the headers; return the client's reference."""
    if request.mimetype != "application/json":
        raise BureauError("invalid", "Content-Type must be application/json")
    if "Accept" in request.headers and not request.accept_mimetypes["application/json"]:
        raise BureauError("invalid", "Accept must allow application/json")
    reference = request.headers.get("clientReferenceId", "")
    if problem := REFERENCE(reference, "clientReferenceId"):
        raise BureauError("invalid", f"clientReferenceId must be {problem}")
    return reference


def _body(request: Request) -> dict[str, Any]:
    try:
        return json_object(request)
    except PlaidError as error:
        raise BureauError("invalid", "the body must be a JSON object") from error


def _accept(body: dict[str, Any]) -> None:
    """Validate the body. Error messages name fields, not their values."""
    try:
        accept(SHAPE, body, where="request.")
    except PlaidError as error:
        surname = error.code == "INVALID_FIELD" and "name.lastName" in error.message
        raise BureauError("invalid_name" if surname else "invalid", error.message) from error


def _parse_add_ons(add_ons: dict[str, Any]) -> AddOns:
    models = add_ons.get("riskModels", {})
    return AddOns(
        subscriber=SUBSCRIBER,
        models=tuple(dict.fromkeys(models.get("modelIndicator", ()))),
        percentile=models.get("scorePercentile") == "Y",
        summary="summaries" in add_ons,
        fraud_shield=add_ons.get("fraudShield") == "Y",
        long_grid=add_ons.get("paymentHistory84") == "Y",
        trend=add_ons.get("trendedData") == "Y",
        unique_id=add_ons.get("consumerIdentCheck", {}).get("getUniqueConsumerIdentifier") == "Y",
    )
