"""The bureau's errors as data: name -> HTTP status, code, type and message.

Codes 1, 53 and 76 are known from public reports, as are 401 without the envelope and 422 for a special file. Everything
else is our own choice, because the real service publishes no list of errors.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BureauErrorSpec:
    """The constant parts of one error."""

    status: int
    code: str
    type: str
    message: str


VALIDATION, BACKEND, GATEWAY = "API validation", "Backend", "Unauthorized"

CATALOGUE = {
    "invalid_token": BureauErrorSpec(401, "", GATEWAY, "Access token is invalid"),
    "bad_client": BureauErrorSpec(401, "", GATEWAY, "Client credentials are invalid"),
    "bad_password": BureauErrorSpec(401, "", GATEWAY, "Access is denied due to invalid username or password"),
    "account_locked": BureauErrorSpec(401, "", GATEWAY, "User account is locked"),
    "bad_grant": BureauErrorSpec(400, "", "Bad Request", "unsupported_grant_type"),
    "invalid": BureauErrorSpec(400, "10", VALIDATION, "Request is not valid"),
    "invalid_name": BureauErrorSpec(400, "11", VALIDATION, "Invalid surname"),
    "invalid_ssn": BureauErrorSpec(
        400, "53", VALIDATION, "Invalid SSN: this bureau takes only numbers that start with 666"
    ),
    "unknown_purpose": BureauErrorSpec(400, "14", VALIDATION, "Permissible purpose is not valid"),
    "not_allowed": BureauErrorSpec(400, "76", BACKEND, "INQUIRY NOT ALLOWED"),
    "forbidden": BureauErrorSpec(403, "03", BACKEND, "Subscriber is not entitled to this product"),
    "no_record": BureauErrorSpec(404, "07", BACKEND, "NO RECORD FOUND"),
    "no_path": BureauErrorSpec(404, "", "Not Found", "The requested resource does not exist"),
    "no_method": BureauErrorSpec(405, "", "Method Not Allowed", "The resource does not know this method"),
    "frozen": BureauErrorSpec(422, "25", BACKEND, "FILE FROZEN: consumer has placed a security freeze"),
    "alert_list": BureauErrorSpec(422, "1999", BACKEND, "Match on Alert List"),
    "rate_limit": BureauErrorSpec(429, "", "Too Many Requests", "Rate limit exceeded"),
    "system": BureauErrorSpec(500, "1", BACKEND, "System temporarily unavailable, please resubmit"),
    "unavailable": BureauErrorSpec(503, "1", BACKEND, "System temporarily unavailable, please resubmit"),
    "timeout": BureauErrorSpec(504, "2", BACKEND, "The request timed out"),
}
RETRY_AFTER = 30


class BureauError(Exception):
    """An error response of the bureau. The dispatcher turns it into JSON."""

    def __init__(self, name: str, message: str = "") -> None:
        """``name`` must be in ``CATALOGUE``. ``message`` is appended to its message and contains no received values."""
        spec = CATALOGUE[name]
        self.name = name
        self.status = spec.status
        self.code = spec.code
        self.type = spec.type
        self.message = f"{spec.message}: {message}" if message else spec.message
        self.headers = {"Retry-After": str(RETRY_AFTER)} if spec.status == 429 else {}
        super().__init__(f"{name}: {self.message}")

    def body(self) -> dict[str, Any]:
        """Return the error's JSON: the gateway's short form, or the envelope of the report service."""
        if not self.code:
            return {"errors": [{"errorType": self.type, "message": self.message}], "success": False}
        return {
            "headerRecordError": [{"preamble": "TCA2", "versionNo": "07"}],
            "errors": [{"errorCode": self.code, "errorType": self.type, "message": self.message}],
            "endTotalsError": [{"totalSegments": "0002"}],
        }
