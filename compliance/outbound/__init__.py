"""Outbound HTTP calls to providers: responses bounded in size and time, and errors without data of the call."""
