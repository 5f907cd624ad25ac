from django.conf import settings
from django.urls import path

from banking.views import (
    accounts,
    bank_data_consent,
    connections,
    edits,
    hosted_link,
    linking,
    monthly_totals,
    recurring,
    rules,
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
    path("transactions/recurring/", recurring.show_recurring, name="recurring"),
    path("transactions/<uuid:transaction_id>/transfer/", transfers.show_transfer, name="transfer"),
    path("transactions/<uuid:transaction_id>/transfer/<uuid:other_id>/", transfers.edit_transfer, name="edit_transfer"),
    path("transactions/selected/", edits.change_transactions, name="change_transactions"),
    path("transactions/<uuid:transaction_id>/", edits.show_transaction, name="transaction"),
    path("transactions/rules/", rules.list_rules, name="rules"),
    path("transactions/rules/new/", rules.create_rule, name="create_rule"),
    path("transactions/rules/<uuid:rule_id>/", rules.show_rule, name="rule"),
    path("transactions/rules/<uuid:rule_id>/edit/", rules.change_rule, name="change_rule"),
    path("transactions/rules/<uuid:rule_id>/apply/", rules.apply_rule, name="apply_rule"),
    path("transactions/rules/<uuid:rule_id>/switch/", rules.switch_rule, name="switch_rule"),
    path("transactions/rules/<uuid:rule_id>/move/", rules.move_rule, name="move_rule"),
    path("transactions/rules/<uuid:rule_id>/delete/", rules.delete_rule, name="delete_rule"),
    path("transactions/rules/runs/<uuid:run_id>/undo/", rules.undo_run, name="undo_run"),
    path("transactions.csv", transactions.csv, name="transactions-csv"),
    path("connect/", linking.connect, name="connect"),
    path("connect/oauth/", linking.oauth_return, name="oauth_return"),
    path("connect/<uuid:session_id>/hosted/", hosted_link.open_hosted, name="hosted_link"),
    path("connect/<uuid:session_id>/return/", hosted_link.return_from_hosted, name="hosted_return"),
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
