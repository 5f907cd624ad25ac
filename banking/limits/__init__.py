"""Limits of the calls to providers, which all processes share in Redis: rates, pauses of banks, counts of calls.

Nothing here knows a provider or a model. A provider's package brings the numbers and makes the calls
(``banking/plaid/limits/``); docs/limits.md explains both.
"""
