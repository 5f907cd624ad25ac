"""Notifications: the inbox, the email digest, and the settings of each user."""
