"""Ask the bank itself for new data when a person syncs: paid calls, by a setting, a few a day for each Item.

A failure of these calls never fails the sync. It reads what the provider has in any case.
"""
