"""The bureau's errors as data: name -> HTTP status, code, type and words.

Codes 1, 53 and 76 have been seen by others; so have 401 without the envelope and 422 for a file in a special
condition. Everything else here is our own choice, because the real service publishes no table.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """What the bureau always says about one error."""

    status: int
    code: str
    type: str
    message: str


VALIDATION, BACKEND, GATEWAY = "API validation", "Backend", "Unauthorized"

CATALOGUE = {
    "invalid_token": Kind(401, "", GATEWAY, "Access token is invalid"),
    "bad_client": Kind(401, "", GATEWAY, "Client credentials are invalid"),
    "bad_password": Kind(401, "", GATEWAY, "Access is denied due to invalid username or password"),
    "account_locked": Kind(401, "", GATEWAY, "User account is locked"),
    "bad_grant": Kind(400, "", "Bad Request", "unsupported_grant_type"),
    "invalid": Kind(400, "10", VALIDATION, "Request is not valid"),
    "invalid_name": Kind(400, "11", VALIDATION, "Invalid surname"),
    "invalid_ssn": Kind(400, "53", VALIDATION, "Invalid SSN: this bureau takes only numbers that start with 666"),
    "unknown_purpose": Kind(400, "14", VALIDATION, "Permissible purpose is not valid"),
    "not_allowed": Kind(400, "76", BACKEND, "INQUIRY NOT ALLOWED"),
    "forbidden": Kind(403, "03", BACKEND, "Subscriber is not entitled to this product"),
    "no_record": Kind(404, "07", BACKEND, "NO RECORD FOUND"),
    "no_path": Kind(404, "", "Not Found", "The requested resource does not exist"),
    "no_method": Kind(405, "", "Method Not Allowed", "The resource does not know this method"),
    "frozen": Kind(422, "25", BACKEND, "FILE FROZEN: consumer has placed a security freeze"),
    "alert_list": Kind(422, "1999", BACKEND, "Match on Alert List"),
    "rate_limit": Kind(429, "", "Too Many Requests", "Rate limit exceeded"),
    "system": Kind(500, "1", BACKEND, "System temporarily unavailable, please resubmit"),
    "unavailable": Kind(503, "1", BACKEND, "System temporarily unavailable, please resubmit"),
    "timeout": Kind(504, "2", BACKEND, "The request timed out"),
}
RETRY_AFTER = 30


class BureauError(Exception):
    """An answer that is an error in the bureau's words. Raise it anywhere below the gate, which writes it out."""

    def __init__(self, name: str, message: str = "") -> None:
        """``name`` must be in the catalogue. ``message`` follows the catalogue's words; it quotes nothing received."""
        kind = CATALOGUE[name]
        self.name = name
        self.status = kind.status
        self.code = kind.code
        self.type = kind.type
        self.message = f"{kind.message}: {message}" if message else kind.message
        self.headers = {"Retry-After": str(RETRY_AFTER)} if kind.status == 429 else {}
        super().__init__(f"{name}: {self.message}")

    def body(self) -> dict[str, Any]:
        """The error's JSON: the gateway's short form, or the envelope of the report service."""
        if not self.code:
            return {"errors": [{"errorType": self.type, "message": self.message}], "success": False}
        return {
            "headerRecordError": [{"preamble": "TCA2", "versionNo": "07"}],
            "errors": [{"errorCode": self.code, "errorType": self.type, "message": self.message}],
            "endTotalsError": [{"totalSegments": "0002"}],
        }
