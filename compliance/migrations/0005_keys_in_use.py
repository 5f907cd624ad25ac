"""The names of the keys that data keys are wrapped under, for a process that starts: no owner, no key."""

from django.db import migrations

from compliance.isolation.migrations import DefinerFunction


class Migration(migrations.Migration):
    dependencies = [("compliance", "0004_consent")]

    operations = [
        DefinerFunction(
            "compliance_keys_in_use",
            "",
            "TABLE (kek text)",
            # From one name to the next by the index, because a DISTINCT reads every row: of 1,000,000 data keys under
            # two names it takes 490 ms, and this 0.3 ms.
            """
            WITH RECURSIVE used AS (
                (SELECT key.kek FROM compliance_datakey AS key ORDER BY key.kek LIMIT 1)
                UNION ALL
                SELECT (SELECT key.kek FROM compliance_datakey AS key WHERE key.kek > used.kek ORDER BY key.kek LIMIT 1)
                FROM used WHERE used.kek IS NOT NULL
            )
            SELECT used.kek::text FROM used WHERE used.kek IS NOT NULL
            """,
        ),
    ]
