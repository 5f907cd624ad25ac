"""A client of the bureau that is as plain as can be: what a test asks with, and its own reading of what comes back."""

import json
from typing import Any

from sandbox.tests.sandbox_client import CLIENT_ID, SECRET, SandboxClient

TOKEN = "/oauth2/v1/token"
REPORT = "/consumerservices/credit-profile/v2/credit-report"
PREQUAL = "/consumerservices/prequal/v1/credit-report"
USER = {"username": "bureau_user", "password": "bureau_pass"}
CLIENT = {"client_id": CLIENT_ID, "client_secret": SECRET}
PEOPLE = {
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
REPORTED = [persona for persona in PEOPLE if persona not in ("P04", "P05")]

Json = dict[str, Any]


def request_body(persona: str, *models: str) -> Json:
    """A complete and correct request about somebody."""
    first, last, ssn = PEOPLE[persona]
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
    """The bureau of a running sandbox, seen by a client and by an operator."""

    def __init__(self, driver: SandboxClient) -> None:
        self.driver = driver
        self.url = driver.url
        self.token = self.login()["access_token"]

    def send(self, path: str, sent: Any, **headers: str) -> Any:
        """One POST as is; JSON unless ``sent`` is text already."""
        text = sent if isinstance(sent, str | bytes) else json.dumps(sent)
        return self.driver.http.request("POST", self.url + path, body=text, headers=headers, redirect=False)

    def login(self) -> Json:
        """A token, asked for in the usual style."""
        answer = self.send(TOKEN, USER, **{"Content-Type": "application/json"}, **CLIENT)
        assert answer.status == 200, answer.data
        return json.loads(answer.data)

    def request_report(self, sent: Any, *, path: str = REPORT, **headers: str) -> Any:
        """One request for a report with a good token; ``headers`` replace the usual ones, "" leaves one out."""
        usual = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "clientReferenceId": "REF1",
        }
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(path, sent, **{name: value for name, value in (usual | given).items() if value})

    def profile(self, persona: str, *models: str, **changes: Any) -> Json:
        """The profile of somebody who must be found."""
        answer = self.request_report(request_body(persona, *models) | changes)
        assert answer.status == 200, answer.data
        (profile,) = json.loads(answer.data)["creditProfile"]
        return profile

    def expect_error(self, sent: Any, **headers: str) -> tuple[int, str]:
        """A request that must be refused: status and code (or type, where there is no code)."""
        answer = self.request_report(sent, **headers)
        (error,) = json.loads(answer.data)["errors"]
        return answer.status, error.get("errorCode", error["errorType"])

    def admin(self, method: str, path: str, sent: Any = None) -> Json:
        """One call of the operator that must succeed."""
        return self.driver.admin(method, f"bureau/{path}", sent)

    def set_month(self, persona: str, number: int) -> None:
        """Turn somebody's story to a page."""
        assert self.admin("POST", f"personas/{persona}", {"month": number})["month"] == number

    def list_calls(self, query: str = "") -> list[Json]:
        """The call log."""
        return self.admin("GET", f"calls{query}")["calls"]

    def add_fault(self, action: Json, *, endpoint: str = "report", **rest: Any) -> None:
        """Order a fault."""
        self.admin("POST", "faults", {"match": {"endpoint": endpoint}, "action": action, **rest})


def parse_amount(text: str | None) -> int:
    """A padded figure; nothing and UNKNOWN add nothing."""
    return int(text) if text and text != "UNKNOWN" else 0


def summary_attributes(profile: Json) -> dict[str, str]:
    """The profile summary as pairs."""
    (summary,) = profile["summaries"]
    return {one["id"]: one["value"] for one in summary["attributes"]}


def first_score(profile: Json) -> str:
    """The first score as it stands there."""
    models = profile["riskModel"]
    return (models if isinstance(models, dict) else models[0])["score"]


def find_account(profile: Json, creditor: str) -> Json:
    """The one account at a creditor."""
    (row,) = (row for row in profile["tradeline"] if row["subscriberName"] == creditor)
    return row
