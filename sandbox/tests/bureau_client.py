"""A minimal client of the bureau, and functions that read its reports."""

import json
from typing import Any

from sandbox.tests.sandbox_client import CLIENT_ID, SECRET, SandboxClient

TOKEN = "/oauth2/v1/token"
REPORT = "/consumerservices/credit-profile/v2/credit-report"
PREQUAL = "/consumerservices/prequal/v1/credit-report"
USER = {"username": "bureau_user", "password": "bureau_pass"}
CLIENT = {"client_id": CLIENT_ID, "client_secret": SECRET}
APPLICANTS = {
    "P01": ("ADA", "MERCER", "666011001"),
    "P02": ("NOEL", "BRIGHT", "666021002"),
    "P03": ("DANA", "ROURKE", "666031003"),
    "P04": ("ZED", "NOBODY", "666041004"),
    "P05": ("FAYE", "COLD", "666051005"),
    "P06": ("ADA", "MERCER", "666061006"),
    "P07": ("OLD", "TIMER", "666071007"),
    "P08": ("KIM", "SENTRY", "666081008"),
    "P09": ("LOU", "FRESHSTART", "666091009"),
    "P10": ("IVY", "QUIET", "666101010"),
    "P11": ("RAE", "RIVERA", "666111011"),
    "P12": ("QUINN", "O'DDITY", "666121012"),
    "P13": ("MAX", "LARGE", "666131013"),
    "P14": ("TEA", "PIGGYBACK", "666141014"),
    "P15": ("JUNE", "ORDWAY", "666151015"),
}
REPORTED = [persona for persona in APPLICANTS if persona not in ("P04", "P05")]

Json = dict[str, Any]


def request_body(persona: str, *models: str) -> Json:
    """Build a complete and valid request for a persona."""
    first, last, ssn = APPLICANTS[persona]
    return {
        "consumerPii": {
            "primaryApplicant": {
                "name": {"firstName": first, "lastName": last},
                "currentAddress": {
                    "line1": f"1{persona[1:]} MAPLE ST",
                    "city": "MICHIGAN CITY",
                    "state": "IN",
                    "zipCode": "46360",
                },
                "ssn": {"ssn": ssn},
                "dob": {"dob": f"0115{1970 + int(persona[1:])}"},
            }
        },
        "requestor": {"subscriberCode": "2222222"},
        "permissiblePurpose": {"type": "3F"},
        "addOns": {
            "riskModels": {"modelIndicator": list(models or ("V4",)), "scorePercentile": "Y"},
            "summaries": {"summaryType": ["Profile Summary"]},
            "fraudShield": "Y",
            "paymentHistory84": "Y",
            "consumerIdentCheck": {"getUniqueConsumerIdentifier": "Y"},
        },
    }


class BureauClient:
    """A client of a running sandbox's bureau, and of its admin endpoints."""

    def __init__(self, driver: SandboxClient) -> None:
        self.driver = driver
        self.url = driver.url
        self.token = self.login()["access_token"]

    def send(self, path: str, sent: Any, **headers: str) -> Any:
        """Send one POST; ``sent`` is encoded as JSON unless it is text."""
        text = sent if isinstance(sent, str | bytes) else json.dumps(sent)
        return self.driver.http.request("POST", self.url + path, body=text, headers=headers, redirect=False)

    def login(self) -> Json:
        """Request a token in the usual style."""
        response = self.send(TOKEN, USER, **{"Content-Type": "application/json"}, **CLIENT)
        assert response.status == 200, response.data
        return json.loads(response.data)

    def request_report(self, sent: Any, *, path: str = REPORT, **headers: str) -> Any:
        """Request a report with a valid token; ``headers`` replace the default ones, "" omits one."""
        usual = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "clientReferenceId": "REF1",
        }
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(path, sent, **{name: value for name, value in (usual | given).items() if value})

    def profile(self, persona: str, *models: str, **changes: Any) -> Json:
        """Request a report that must succeed, and return its profile."""
        response = self.request_report(request_body(persona, *models) | changes)
        assert response.status == 200, response.data
        (profile,) = json.loads(response.data)["creditProfile"]
        return profile

    def expect_error(self, sent: Any, **headers: str) -> tuple[int, str]:
        """Send a request that must fail; return the status and the error's code, or its type without a code."""
        response = self.request_report(sent, **headers)
        (error,) = json.loads(response.data)["errors"]
        return response.status, error.get("errorCode", error["errorType"])

    def admin(self, method: str, path: str, sent: Any = None) -> Json:
        """Call an admin endpoint of the bureau; the call must succeed."""
        return self.driver.admin(method, f"bureau/{path}", sent)

    def set_month(self, persona: str, number: int) -> None:
        """Set a persona's current month."""
        assert self.admin("POST", f"personas/{persona}", {"month": number})["month"] == number

    def list_calls(self, query: str = "") -> list[Json]:
        return self.admin("GET", f"calls{query}")["calls"]

    def add_fault(self, action: Json, *, endpoint: str = "report", **rest: Any) -> None:
        self.admin("POST", "faults", {"match": {"endpoint": endpoint}, "action": action, **rest})


def parse_amount(text: str | None) -> int:
    """Parse a padded amount; a missing one and UNKNOWN are 0."""
    return int(text) if text and text != "UNKNOWN" else 0


def summary_attributes(profile: Json) -> dict[str, str]:
    """Return the attributes of the profile summary by id."""
    (summary,) = profile["summaries"]
    return {attribute["id"]: attribute["value"] for attribute in summary["attributes"]}


def first_score(profile: Json) -> str:
    """Return the score of the first risk model."""
    models = profile["riskModel"]
    return (models if isinstance(models, dict) else models[0])["score"]


def find_account(profile: Json, creditor: str) -> Json:
    """Return the only account of a creditor."""
    (row,) = (row for row in profile["tradeline"] if row["subscriberName"] == creditor)
    return row
