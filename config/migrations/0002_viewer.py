from django.db import migrations

from compliance.isolation.migrations import ShowOperators


class Migration(migrations.Migration):
    dependencies = [("config", "0001_initial"), ("compliance", "0002_isolation")]

    operations = [
        ShowOperators(
            "config.PolicyViolation",
            columns=["id", "day", "directive", "page", "blocked", "source", "count", "first_at", "last_at"],
        ),
    ]
