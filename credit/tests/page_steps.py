"""What a person types on their way to a report, and the person and browser who type it."""

from html import unescape
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from credit.tests.sandbox_bureau import PEOPLE

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


def details_of(persona: str) -> dict[str, str]:
    """The details of one of the sandbox's people, as they would type them."""
    first, last, number = PEOPLE[persona]
    place = int(persona[1:])
    whole = f"{number[:3]}-{number[3:5]}-{number[5:]}"
    changes = {"first_name": first, "last_name": last, "line1": f"{100 + place} Maple St", "ssn": whole}
    return ADA | changes | {"birth": f"{1970 + place}-01-15"}


def sign(client: Client, name: str = "Ada Mercer", **changes: Any) -> HttpResponse:
    """Sign the instruction."""
    return client.post(reverse("credit_start"), {"agree": "on", "typed_name": name, **changes})


def give_details(client: Client, details: dict[str, str] = ADA, **changes: Any) -> HttpResponse:
    """Send the details form."""
    return client.post(reverse("credit_details"), {**details, **changes})


def enroll_through_pages(client: Client, persona: str = "P01") -> HttpResponse:
    """Go the whole way with one of the sandbox's people."""
    details = details_of(persona)
    sign(client, f"{details['first_name']} {details['last_name']}")
    return give_details(client, details)


def page_text(answer: HttpResponse) -> str:
    """A page as one line of text, markup included."""
    return " ".join(unescape(answer.content.decode()).split())
