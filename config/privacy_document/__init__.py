"""Writes ``docs/privacy.md`` from the registry of personal data, the settings, and the answers to questionnaires.

The prose is in ``templates/privacy_document/``. A test compares the document with what the code would write now.
"""
