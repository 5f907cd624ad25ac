"""The banks of the sandbox: Plaid's own test banks, and invented ones for search and pagination.

Source of the first group: https://plaid.com/docs/sandbox/institutions/
"""

import base64
import struct
import zlib
from dataclasses import dataclass

BANKING = ("assets", "auth", "balance", "identity", "liabilities", "recurring_transactions", "transactions")
WITHOUT_DEBTS = tuple(product for product in BANKING if product not in ("liabilities", "recurring_transactions"))
ALL = (*BANKING, "investments")
LOGO_SIZE = 152


@dataclass(frozen=True)
class Institution:
    """One bank. ``trouble`` is the error code with which every login fails; ``health`` is its status.

    With ``times`` it says at what time of the day a transaction happened.
    """

    id: str
    name: str
    country: str = "US"
    products: tuple[str, ...] = BANKING
    color: str = "#1f4e79"
    oauth: bool = False
    trouble: str = ""
    health: str = "HEALTHY"
    routing_numbers: tuple[str, ...] = ()
    times: bool = False

    @property
    def url(self) -> str:
        """The bank's website; ``.example`` never resolves."""
        host = "".join(letter for letter in self.name.lower() if letter.isalnum())
        return f"https://www.{host}.example"

    @property
    def logo(self) -> str:
        """A logo in the bank's color: a PNG of 152 x 152 pixels in base64."""
        return base64.b64encode(_badge(self.color)).decode()


PLAID_BANKS = (
    Institution("ins_109508", "First Platypus Bank", products=ALL, color="#2f6f8f", routing_numbers=("011401533",)),
    Institution("ins_109509", "First Gingham Credit Union", products=ALL, color="#8f2f4f"),
    Institution("ins_109510", "Tattersall Federal Credit Union", products=ALL, color="#4f8f2f"),
    Institution("ins_109511", "Tartan Bank", products=ALL, color="#9a3b26"),
    Institution("ins_109512", "Houndstooth Bank", products=ALL, color="#3d3d46", times=True),
    Institution("ins_43", "Tartan-Dominion Bank of Canada", "CA", color="#b3261e"),
    Institution("ins_127287", "Platypus OAuth Bank", products=ALL, color="#2f6f8f", oauth=True),
    Institution("ins_132241", "First Platypus OAuth App2App Bank", products=ALL, color="#2f6f8f", oauth=True),
    Institution("ins_132363", "First Platypus Bank (degraded)", products=ALL, color="#7a6a1f", health="DEGRADED"),
    Institution("ins_132361", "First Platypus Bank (down)", color="#6a1f1f", trouble="INSTITUTION_DOWN", health="DOWN"),
    Institution(
        "ins_133402", "First Platypus Bank (unsupported)", color="#555555", trouble="INSTITUTION_NO_LONGER_SUPPORTED"
    ),
    Institution("ins_117650", "Royal Bank of Plaid", "GB", WITHOUT_DEBTS, color="#46307a", times=True),
)

INVENTED_NAMES = """
Alderbrook Savings|Amberline Bank|Bay & Barrow Trust|Birchwater Credit Union|Blue Heron Bank|Bramble County Bank
Caldera Federal|Canal Street Bank|Cedar & Main|Chapel Hill Mutual|Cobblestone Bank|Copperfield Bank
Dovetail Credit Union|Driftwood Savings|Eastmarch Bank|Elmgrove National|Fable Bank|Fernhollow Credit Union
Foxglove Bank|Granite Pass Bank|Harborlight Bank|Hazelwick Savings|Ironbridge Trust|Juniper Federal
Kestrel Bank|Lanternfield Bank|Larkspur Credit Union|Longacre Bank|Maple Junction Bank|Merriweather Trust
Millrace Bank|Northlight Credit Union|Oakenshaw Bank|Orchard National|Paper Lantern Bank|Quillback Savings
Riverbend Federal|Saltmarsh Bank|Sparrowhawk Bank|Thistledown Credit Union|Umber Valley Bank|Wayfarer Bank
"""
COLORS = ("#1f4e79", "#5b3a86", "#0d6b5c", "#8a4b14", "#97294a", "#3c5a14", "#40506b")


def _make_invented_banks() -> tuple[Institution, ...]:
    names = INVENTED_NAMES.strip().replace("\n", "|").split("|")
    return tuple(
        Institution(f"ins_{900101 + place}", name, products=ALL, color=COLORS[place % len(COLORS)])
        for place, name in enumerate(names)
    )


INSTITUTIONS = PLAID_BANKS + _make_invented_banks()
_BY_ID = {institution.id: institution for institution in INSTITUTIONS}


def find(institution_id: str) -> Institution | None:
    """Return the bank with this id, or None."""
    return _BY_ID.get(institution_id)


def search(
    *, query: str = "", country_codes: list[str] | None = None, products: list[str] | None = None
) -> list[Institution]:
    """Find banks in one of the countries, with all of the products, and a word in the name that starts with ``query``.

    Names that start with the query come first; otherwise the order is that of ``INSTITUTIONS``.
    """
    prefix = query.strip().lower()
    banks = [
        bank
        for bank in INSTITUTIONS
        if (not country_codes or bank.country in country_codes)
        and set(products or ()) <= set(bank.products)
        and (not prefix or bank.name.lower().startswith(prefix) or f" {prefix}" in f" {bank.name.lower()}")
    ]
    return sorted(banks, key=lambda bank: not bank.name.lower().startswith(prefix))


def _badge(color: str) -> bytes:
    """Draw a PNG of a disc in ``color`` with a lighter ring, on a transparent background."""
    middle = (LOGO_SIZE - 1) / 2
    disc, ring, nothing = bytes.fromhex(color[1:] + "ff"), b"\xff\xff\xff\xc0", b"\0\0\0\0"
    rows = []
    for y in range(LOGO_SIZE):
        pixels = []
        for x in range(LOGO_SIZE):
            distance = ((x - middle) ** 2 + (y - middle) ** 2) ** 0.5
            pixels.append(nothing if distance > middle else ring if 40 < distance < 48 else disc)
        rows.append(b"\0" + b"".join(pixels))
    header = struct.pack(">IIBBBBB", LOGO_SIZE, LOGO_SIZE, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
