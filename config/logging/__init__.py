"""The format of logs, and the redaction of private data."""
