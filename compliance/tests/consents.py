"""Grant and withdraw consents in tests, and find the active one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from compliance.consent import ConsentEvent, ConsentText, Purpose, get_active_consent, grant, withdraw

YEAR = timedelta(days=365)
MOMENT = datetime(2026, 11, 22, 9, 40, tzinfo=UTC)
TEXT = "I am giving written instructions to obtain my credit report. 😀"
# Computed with sha256sum over the UTF-8 bytes.
FINGERPRINT = "6ceb8fbfb19e53d87c4a58914d8e94597d09cc66ff4ac1accdaa83e4ba42ba80"
REPORT = ConsentText(Purpose.CREDIT_REPORT, "2026-11", TEXT)
MARKETING = ConsentText(Purpose.MARKETING, "2026-11", "I agree to emails.")


def grant_consent(user: Any, consent_text: ConsentText = REPORT, **options: Any) -> ConsentEvent:
    defaults = {"consent_text": consent_text, "signature": "Alice A", "scope": {}, "valid_for": YEAR}
    return grant(user=user, **(defaults | options))


def withdraw_consent(user: Any, purpose: Purpose = Purpose.CREDIT_REPORT) -> ConsentEvent | None:
    return withdraw(user=user, purpose=purpose)


def find_active(user: Any, purpose: Purpose = Purpose.CREDIT_REPORT, **options: Any) -> ConsentEvent | None:
    return get_active_consent(user_id=user.pk, purpose=purpose, **options)
