"""The personas of the bureau, and how a request is matched with them.

A surname, the last four digits of a Social Security number and a zip code match a file. The surname with one of the
other two also matches, but the report then says that a detail does not match. Anything less matches no file.

All numbers start with 666, which is never issued, so no real person can be looked up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from sandbox.bureau.personas import bulk, changer, everyday, quirks, real, trouble
from sandbox.bureau.personas.drafts import Address, File

CITY, STATE, ZIP = "MICHIGAN CITY", "IN", "46360"


@dataclass(frozen=True)
class Persona:
    """One made-up consumer. ``draw`` builds the credit file; ``mode`` is the default mode of its reports.

    ``stands_for`` is the id of the persona whose file the bureau returns instead.
    """

    id: str
    first_name: str
    surname: str
    ssn: str
    about: str
    draw: Callable[[], File]
    mode: str = "normal"
    stands_for: str = ""

    @property
    def number(self) -> int:
        """The number of the id: 7 for P07."""
        return int(self.id[1:])

    @property
    def birth(self) -> date:
        """January 15, in 1970 plus the number."""
        return date(1970 + self.number, 1, 15)

    @property
    def address(self) -> Address:
        """Maple Street, at a hundred plus the number."""
        return Address(str(100 + self.number), "MAPLE", "ST", CITY, STATE, ZIP)

    @property
    def on_file(self) -> "Persona":
        """The persona whose file the bureau returns."""
        return PERSONAS[self.stands_for or self.id]

    @cached_property
    def file(self) -> File:
        return self.draw()


PERSONAS = {
    persona.id: persona
    for persona in (
        Persona("P01", "ADA", "MERCER", "666011001", "prime", everyday.prime_file),
        Persona("P02", "NOEL", "BRIGHT", "666021002", "thin file", everyday.thin_file),
        Persona("P03", "DANA", "ROURKE", "666031003", "late, charged off, in collection", trouble.subprime_file),
        Persona("P04", "ZED", "NOBODY", "666041004", "no file at all", File, "no_hit"),
        Persona("P05", "FAYE", "COLD", "666051005", "frozen", everyday.frozen_file, "frozen"),
        Persona(
            "P06",
            "ADA",
            "MERCER",
            "666061006",
            "does not match the file of P01",
            everyday.prime_file,
            "mismatch",
            "P01",
        ),
        Persona("P07", "OLD", "TIMER", "666071007", "reported as deceased", trouble.deceased_file),
        Persona("P08", "KIM", "SENTRY", "666081008", "fraud and active duty alerts", everyday.file_with_alerts),
        Persona("P09", "LOU", "FRESHSTART", "666091009", "chapter 7, discharged", trouble.bankruptcy_file),
        Persona("P10", "IVY", "QUIET", "666101010", "nothing recent enough to score", trouble.inactive_file),
        Persona("P11", "RAE", "RIVERA", "666111011", "changes every month", changer.changing_file),
        Persona("P12", "QUINN", "O'DDITY", "666121012", "every quirk of the format", quirks.quirky_file),
        Persona("P13", "MAX", "LARGE", "666131013", "60 accounts, 100 public records", bulk.largest_file),
        Persona("P14", "TEA", "PIGGYBACK", "666141014", "authorized user of two cards", everyday.authorized_user_file),
        Persona("P15", "JUNE", "ORDWAY", "666151015", "codes and gaps of real files", real.realistic_file),
    )
}


@dataclass(frozen=True)
class Match:
    """The persona that matches a request, and whether all three details match."""

    persona: Persona
    complete: bool


def find(surname: str, ssn: str, zip_code: str) -> Match | None:
    """Find the persona of a request. ``ssn`` may have nine digits, the last four, or be empty.

    Ada Mercer's file belongs to P01. A request for her that does not match completely is P06.
    """
    namesakes = [persona for persona in PERSONAS.values() if persona.surname == surname.upper()]
    for persona in namesakes:
        if persona.mode != "mismatch" and _same_number(persona, ssn) and zip_code[:5] == ZIP:
            return Match(persona, complete=True)
    if any(_same_number(persona, ssn) or zip_code[:5] == ZIP for persona in namesakes):
        return Match(max(namesakes, key=lambda persona: persona.mode == "mismatch"), complete=False)
    return None


def _same_number(persona: Persona, ssn: str) -> bool:
    return bool(ssn) and persona.ssn[-4:] == ssn[-4:]
