"""A few data keys under each key that they are wrapped under, by which a process that starts tells whether it has it."""

from django.db import migrations

from compliance.isolation.migrations import DefinerFunction


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_keys_in_use")]

    operations = [
        DefinerFunction(
            "compliance_key_samples",
            "most integer",
            "TABLE (kek text, owner uuid, wrapped bytea)",
            """
            SELECT used.kek, sample.owner, sample.wrapped
            FROM compliance_keys_in_use() AS used, LATERAL (
                SELECT key.owner, key.wrapped FROM compliance_datakey AS key WHERE key.kek = used.kek LIMIT most
            ) AS sample
            """,
        ),
    ]
