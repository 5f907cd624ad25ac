"""The request fields of every endpoint, from Plaid's OpenAPI document."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.api.fields import Field, day, flag, instant, integer, list_of, number, object_of, one_of, text

Shape = Mapping[str, Field]

COUNTRY = text(matches="US|GB|ES|NL|FR|IE|CA|DE|IT|PL|DK|NO|SE|EE|LT|LV|PT|BE|AT|FI")
LANGUAGE = text(matches="da|nl|en|et|fr|de|hi|it|lv|lt|no|pl|pt|ro|es|sv|vi")
REASON = one_of(
    "FRAUD_FIRST_PARTY",
    "FRAUD_FALSE_IDENTITY",
    "FRAUD_ABUSE",
    "FRAUD_OTHER",
    "CONNECTION_IS_NON_FUNCTIONAL",
    "OTHER",
)
VERIFICATIONS = ("automatically_verified", "verification_expired")


def _must(check: Callable[[Any, str], str | None]) -> Field:
    return Field(check, required=True)


def _may(check: Callable[[Any, str], str | None], *, null: bool = False) -> Field:
    return Field(check, nullable=null)


def _each(field: Field, *names: str) -> Shape:
    return dict.fromkeys(names, field)


TOKEN = _must(text(least=1))
ACCESS: dict[str, Field] = {"access_token": TOKEN}
PRODUCT = text(least=1, matches="[a-z_]+")

OBJECT = _may(object_of(), null=True)
OTHER_PRODUCTS = {
    **_each(OBJECT, "institution_data", "card_switch", "eu_config", "payment_configuration", "payment_initiation"),
    **_each(OBJECT, "employment", "income_verification", "base_report", "credit_partner_insights", "cra_options"),
    **_each(OBJECT, "auth", "transfer", "identity_verification", "statements", "investments", "investments_auth"),
    **_each(OBJECT, "cashflow_report", "identity", "account_filters"),
}
HOSTED_LINK = {
    "delivery_method": _may(one_of("sms", "email")),
    "completion_redirect_uri": _may(text(least=1)),
    "url_lifetime_seconds": _may(integer(1, 1_814_400)),
    "is_mobile_app": _may(flag),
}
USER = {
    "client_user_id": _must(text(least=1)),
    **_each(_may(text()), "legal_name", "phone_number", "phone_number_verified_time", "email_address"),
    **_each(_may(text()), "email_address_verified_time", "ssn", "date_of_birth"),
    **_each(_may(object_of()), "name", "address", "id_number"),
}
LINK_TOKEN: Shape = {
    "client_name": _must(text(least=1, most=30)),
    "language": _must(LANGUAGE),
    "country_codes": _must(list_of(COUNTRY, least=1)),
    "user": _must(object_of(USER)),
    "user_id": _may(text()),
    "user_token": _may(text()),
    "products": _may(list_of(PRODUCT), null=True),
    "required_if_supported_products": _may(list_of(PRODUCT), null=True),
    "optional_products": _may(list_of(PRODUCT), null=True),
    "additional_consented_products": _may(list_of(PRODUCT), null=True),
    "webhook": _may(text(), null=True),
    "access_token": _may(text(least=1), null=True),
    "access_tokens": _may(list_of(text(least=1))),
    "redirect_uri": _may(text()),
    "institution_id": _may(text(least=1)),
    "update": _may(
        object_of(
            {
                "account_selection_enabled": _may(flag),
                "reauthorization_enabled": _may(flag),
                "user": _may(flag),
                "item_ids": _may(list_of(text(least=1))),
            }
        )
    ),
    "transactions": _may(object_of({"days_requested": _may(integer(1, 730))})),
    "link_customization_name": _may(text()),
    "appearance_mode": _may(one_of("LIGHT", "DARK", "SYSTEM"), null=True),
    "android_package_name": _may(text()),
    "consumer_report_permissible_purpose": _may(text()),
    "third_party_user_token": _may(text()),
    "enable_multi_item_link": _may(flag),
    "cra_enabled": _may(flag),
    "financekit_supported": _may(flag),
    "hosted_link": _may(object_of(HOSTED_LINK), null=True),
    **OTHER_PRODUCTS,
}
ACCOUNT_IDS = _may(list_of(text(least=1)))
SYNC_OPTIONS = {
    "include_original_description": _may(flag, null=True),
    "include_personal_finance_category": _may(flag),
    "include_logo_and_counterparty_beta": _may(flag),
    "personal_finance_category_version": _may(one_of("v1", "v2")),
    "days_requested": _may(integer(1, 730)),
    "account_id": _may(text(least=1)),
}
RECURRING_OPTIONS = {
    "include_personal_finance_category": _may(flag),
    "personal_finance_category_version": _may(one_of("v1", "v2")),
}
METADATA = {
    "include_optional_metadata": _may(flag),
    "include_status": _may(flag),
    "include_auth_metadata": _may(flag, null=True),
    "include_payment_initiation_metadata": _may(flag, null=True),
}
FILTERS = {
    "products": _may(list_of(PRODUCT, least=1), null=True),
    "routing_numbers": _may(list_of(text(least=1)), null=True),
    "oauth": _may(flag, null=True),
}
NEW_TRANSACTION = {
    "date_transacted": _must(day),
    "date_posted": _must(day),
    "amount": _must(number),
    "description": _must(text(least=1)),
    "iso_currency_code": _may(text(least=3, most=3)),
    "account_id": _may(text(least=1)),
}
SANDBOX_OPTIONS = {
    "webhook": _may(text(), null=True),
    "override_username": _may(text(), null=True),
    "override_password": _may(text(), null=True),
    "transactions": _may(object_of({"start_date": _may(day), "days_requested": _may(integer(1, 730))}), null=True),
    "statements": _may(object_of(), null=True),
    "income_verification": _may(object_of(), null=True),
}

SHAPES: dict[str, Shape] = {
    "/link/token/create": LINK_TOKEN,
    "/link/token/get": {"link_token": TOKEN},
    "/item/public_token/exchange": {"public_token": TOKEN},
    "/item/get": ACCESS,
    "/item/remove": {
        **ACCESS,
        "reason_code": _may(REASON, null=True),
        "reason_note": _may(text(most=512), null=True),
    },
    "/item/webhook/update": {**ACCESS, "webhook": _may(text(), null=True)},
    "/item/access_token/invalidate": ACCESS,
    "/accounts/get": {**ACCESS, "options": _may(object_of({"account_ids": ACCOUNT_IDS}))},
    "/accounts/balance/get": {
        **ACCESS,
        "options": _may(object_of({"account_ids": ACCOUNT_IDS, "min_last_updated_datetime": _may(instant)})),
    },
    "/liabilities/get": {**ACCESS, "options": _may(object_of({"account_ids": ACCOUNT_IDS}))},
    "/transactions/sync": {
        **ACCESS,
        "cursor": _may(text(most=256)),
        "count": _may(integer(1, 500)),
        "options": _may(object_of(SYNC_OPTIONS)),
    },
    "/transactions/refresh": ACCESS,
    "/transactions/recurring/get": {
        **ACCESS,
        "account_ids": ACCOUNT_IDS,
        "options": _may(object_of(RECURRING_OPTIONS)),
    },
    "/institutions/get": {
        "count": _must(integer(1, 500)),
        "offset": _must(integer(0, 1_000_000)),
        "country_codes": _must(list_of(COUNTRY, least=1)),
        "options": _may(object_of({**METADATA, **FILTERS})),
    },
    "/institutions/get_by_id": {
        "institution_id": TOKEN,
        "country_codes": _must(list_of(COUNTRY, least=1)),
        "options": _may(object_of(METADATA)),
    },
    "/institutions/search": {
        "query": TOKEN,
        "country_codes": _must(list_of(COUNTRY, least=1)),
        "products": _may(list_of(PRODUCT, least=1), null=True),
        "options": _may(object_of({**METADATA, "oauth": _may(flag, null=True)})),
    },
    "/webhook_verification_key/get": {"key_id": TOKEN},
    "/sandbox/public_token/create": {
        "institution_id": TOKEN,
        "initial_products": _must(list_of(PRODUCT, least=1)),
        "options": _may(object_of(SANDBOX_OPTIONS)),
        "user_token": _may(text()),
        "user_id": _may(text()),
    },
    "/sandbox/item/reset_login": ACCESS,
    "/sandbox/item/fire_webhook": {
        **ACCESS,
        "webhook_code": TOKEN,
        "webhook_type": _may(text(least=1)),
        "options": _may(object_of({"new_transactions": _may(integer(0, 100_000))})),
    },
    "/sandbox/item/set_verification_status": {
        **ACCESS,
        "account_id": TOKEN,
        "verification_status": _must(one_of(*VERIFICATIONS)),
    },
    "/sandbox/transactions/create": {
        **ACCESS,
        "transactions": _must(list_of(object_of(NEW_TRANSACTION), least=1, most=10)),
    },
}
