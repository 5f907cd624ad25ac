"""The content security policy, and browsers' reports of violations."""
