"""The question who is writing an export now, so that the files of all other workers can be deleted."""

from django.db import migrations

from compliance.isolation.migrations import DefinerFunction


class Migration(migrations.Migration):
    dependencies = [("compliance", "0010_receipt_public_key")]

    operations = [
        DefinerFunction(
            "compliance_export_writers",
            "ids uuid[]",
            "TABLE (lease_holder uuid)",
            """
            SELECT export.lease_holder FROM compliance_dataexport AS export
            WHERE export.id = ANY (ids) AND export.state = 'running' AND export.leased_until > now()
            """,
        ),
    ]
