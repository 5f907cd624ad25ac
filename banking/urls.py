from django.conf import settings
from django.urls import path

from banking.views import (
    accounts,
    bank_data_consent,
    connections,
    linking,
    monthly_totals,
    transactions,
    transfers,
    update_mode,
    webhooks,
)

urlpatterns = [
    path("bank-accounts/", accounts.index, name="accounts"),
    path("bank-accounts/<uuid:item_id>/", accounts.index, name="item"),
    path("transactions/", transactions.index, name="transactions"),
    path("transactions/months/", monthly_totals.show_monthly_totals, name="monthly_totals"),
    path("transactions/<uuid:transaction_id>/transfer/", transfers.show_transfer, name="transfer"),
    path("transactions/<uuid:transaction_id>/transfer/<uuid:other_id>/", transfers.edit_transfer, name="edit_transfer"),
    path("transactions.csv", transactions.csv, name="transactions-csv"),
    path("connect/", linking.connect, name="connect"),
    path("connect/oauth/", linking.oauth_return, name="oauth_return"),
    path("connect/<uuid:session_id>/finish/", linking.finish, name="finish_link"),
    path("connect/<uuid:session_id>/close/", linking.close, name="close_link"),
    path("connections/refresh/", connections.refresh_all, name="refresh_all"),
    path("connections/<uuid:item_id>/refresh/", connections.refresh, name="refresh"),
    path("connections/<uuid:item_id>/import/", connections.importing, name="importing"),
    path("connections/<uuid:item_id>/reconnect/", update_mode.reconnect, name="reconnect"),
    path("connections/<uuid:item_id>/accounts/", update_mode.choose_accounts, name="choose_accounts"),
    path("connections/<uuid:item_id>/disconnect/", connections.disconnect, name="disconnect"),
    path("privacy/consents/bank-data/", bank_data_consent.withdraw_bank_data, name="withdraw_bank_data"),
    *(
        path(f"webhooks/{key}/", webhooks.receive, {"provider_key": key}, name=f"webhook-{key}")
        for key in settings.BANK_PROVIDERS
    ),
]
