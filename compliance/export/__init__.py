"""Export: everything that the site holds about one person, as a ZIP file that they can verify without the site.

The registry of personal data says what is in it. A worker writes it (``building``) from one snapshot of the database,
table by table in flat memory, encrypted under a key of its own that is sealed under the person's data key. The
manifest lists every file with its rows and SHA-256, and is signed; ``verify_export.py``, which is in the file too,
checks it all.
"""
