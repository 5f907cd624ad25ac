"""The personal data of bank connections, accounts and transactions."""

from banking.linking import account_deletion
from banking.models import (
    FailedRemoval,
    Institution,
    LinkedItemCount,
    ProviderCallCount,
    ReceivedWebhook,
    UnstoredRowCount,
)
from banking.personal_data import access, accounts, connections, rules, syncs, transactions, transfers
from compliance.personal_data import register, register_non_personal
from compliance.personal_data.processors import DataProcessor, register_processor

# In the order in which exports and the privacy document list them.
register(
    *connections.HOLDERS,
    *accounts.HOLDERS,
    *transactions.HOLDERS,
    *rules.HOLDERS,
    *transfers.HOLDERS,
    *syncs.HOLDERS,
    *access.HOLDERS,
)
register_processor(
    DataProcessor(
        name="bank syncs",
        stop=account_deletion.disconnect_all_banks,
        prepare_erasure=account_deletion.prepare_erasure,
    )
)
register_non_personal(FailedRemoval, "A view of pending and orphaned removals, for operators.")
register_non_personal(LinkedItemCount, "How many banks this site has ever connected; it names nobody.")
register_non_personal(ProviderCallCount, "How often this site called a provider on a day; it names nobody.")
register_non_personal(Institution, "Banks, which all users share.")
register_non_personal(ReceivedWebhook, "A view of webhooks for operators, without the connections that they name.")
register_non_personal(UnstoredRowCount, "A view for operators that adds up all users; it names nobody.")
