"""The sandbox: a local Plaid with its own banks, users, webhooks and faults, a local credit bureau, and a mailbox.

It is a program of its own: it imports no app of the site, and no app imports it.
Run it with ``python -m sandbox serve --port 8100 --data var/sandbox``.
"""
