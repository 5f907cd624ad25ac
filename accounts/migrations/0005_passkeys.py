"""What never was a passkey goes, and the database takes no such row any more.

A value that is false as JSON (``0``, ``false``) could be posted as a passkey and stored. Nobody can sign in with one,
while it passed for a second factor.
"""

from django.db import migrations

CLEAN = """
    DELETE FROM mfa_authenticator
     WHERE jsonb_typeof(data) <> 'object'
        OR (type = 'webauthn' AND coalesce(jsonb_typeof(data -> 'credential'), '') <> 'object')
"""
CONSTRAIN = """
    ALTER TABLE mfa_authenticator
        ADD CONSTRAINT second_factor_is_object CHECK (jsonb_typeof(data) = 'object'),
        ADD CONSTRAINT passkey_has_credential
            CHECK (type <> 'webauthn' OR coalesce(jsonb_typeof(data -> 'credential'), '') = 'object')
"""
RELEASE = """
    ALTER TABLE mfa_authenticator
        DROP CONSTRAINT second_factor_is_object,
        DROP CONSTRAINT passkey_has_credential
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_notifications"), ("mfa", "0003_authenticator_type_uniq")]

    operations = [
        migrations.RunSQL(CLEAN, migrations.RunSQL.noop),
        migrations.RunSQL(CONSTRAIN, RELEASE),
    ]
