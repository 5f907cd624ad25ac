"""Webhooks after their signature was verified: the inbox that stores them, and the URL to which they are sent.

``banking.sync.webhook_events`` says what follows from each kind.
"""
