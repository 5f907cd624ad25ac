"""Parse the companies that a transaction names.

The merchant's website, logo and id are fields of the transaction, too. They are kept once, in the counterparty.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import structs
from msgspec.json import Decoder

from banking.plaid.fields import display_text
from banking.plaid.response_decoding import decode_part
from banking.plaid.schemas import PlaidTransaction
from banking.provider import Counterparty

MERCHANT = "merchant"
NOBODY = Counterparty()
_decoder = Decoder(tuple[Counterparty, ...] | None, float_hook=Decimal)


def parse_counterparties(sent: PlaidTransaction) -> Sequence[Counterparty]:
    """The companies that a transaction names, the merchant first; none if Plaid's list is invalid."""
    parties = decode_part(sent.counterparties, _decoder) or ()
    first = parties[0] if parties else NOBODY
    if sent.merchant_entity_id == first.entity_id and sent.website == first.website and sent.logo_url == first.logo_url:
        return parties
    return _with_merchant(parties, sent)


def _with_merchant(parties: Sequence[Counterparty], sent: PlaidTransaction) -> Sequence[Counterparty]:
    """The parties, with what the transaction says of its merchant in the first one."""
    sent_facts = {"entity_id": sent.merchant_entity_id, "website": sent.website, "logo_url": sent.logo_url}
    facts = {name: value for name, value in sent_facts.items() if isinstance(value, str)}
    if not facts:
        return parties
    merchants = (party for party in parties if party.type == MERCHANT)
    same = next((party for party in merchants if party.entity_id in (None, sent.merchant_entity_id)), None)
    merchant = same or Counterparty(name=display_text(sent.merchant_name) or None, type=MERCHANT)
    return (structs.replace(merchant, **facts), *(party for party in parties if party is not same))
