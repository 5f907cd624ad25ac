"""The steps of a user from the authorization to a report, on the site's pages."""

from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from credit.tests.sandbox_bureau import PERSONAS

ADA = {
    "first_name": "Ada",
    "middle_name": "",
    "last_name": "Mercer",
    "suffix": "",
    "line1": "101 Maple St",
    "line2": "",
    "city": "Michigan City",
    "state": "IN",
    "zip_code": "46360",
    "birth": "1971-01-15",
    "ssn": "666-01-1001",
}


def get_details(persona: str) -> dict[str, str]:
    """Return the details of a persona of the sandbox, as a user types them."""
    first, last, ssn = PERSONAS[persona]
    number = int(persona[1:])
    ssn_with_hyphens = f"{ssn[:3]}-{ssn[3:5]}-{ssn[5:]}"
    changes = {"first_name": first, "last_name": last, "line1": f"{100 + number} Maple St", "ssn": ssn_with_hyphens}
    return ADA | changes | {"birth": f"{1970 + number}-01-15"}


def sign(client: Client, name: str = "Ada Mercer", **changes: Any) -> HttpResponse:
    """Sign the authorization."""
    return client.post(reverse("credit_start"), {"agree": "on", "typed_name": name, **changes})


def submit_details(client: Client, details: dict[str, str] = ADA, **changes: Any) -> HttpResponse:
    """Submit the details form."""
    return client.post(reverse("credit_details"), {**details, **changes})


def enroll_through_pages(client: Client, persona: str = "P01") -> HttpResponse:
    """Sign the authorization and submit the details of a persona of the sandbox."""
    details = get_details(persona)
    sign(client, f"{details['first_name']} {details['last_name']}")
    return submit_details(client, details)
