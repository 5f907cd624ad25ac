"""The sandbox: a local Plaid with banks, people, money, webhooks and faults of its own, and a local credit bureau.

It is a program beside the site, not a part of it: it imports no room of the site and no room imports it.
Run it with ``python -m sandbox serve --port 8100 --data var/sandbox``.
"""
