"""The keys of sessions become hashes, as ``accounts.recognition.row_key`` makes them; nobody is signed out.

A process of the older code finds no session any more and signs out whoever asks it, so restart all of them with this.
There is no way back from a hash: undone, it leaves everybody to sign in again.
"""

from django.db import migrations

# Django's keys have 32 characters, hashes 40.
HASH = """
    UPDATE {table} SET session_key = left(encode(sha256(convert_to(session_key, 'UTF8')), 'hex'), 40)
     WHERE length(session_key) < 40
"""
TABLES = ("django_session", "usersessions_usersession")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_passkeys"), ("sessions", "0001_initial"), ("usersessions", "0001_initial")]

    operations = [migrations.RunSQL(HASH.format(table=table), f"DELETE FROM {table}") for table in TABLES]
