"""Outbound HTTP calls to providers: responses bounded in size and time, and errors that keep nothing of a call."""
