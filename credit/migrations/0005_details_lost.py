from django.db import migrations, models


STATES = (
    "off",
    "no_consent",
    "consent_outdated",
    "stale",
    "not_pulled",
    "under_way",
    "ready",
    "mismatch",
    "no_hit",
    "frozen",
    "restricted",
    "input",
    "retrying",
    "outcome_unknown",
    "unreadable",
    "details_lost",
    "unavailable",
)


class Migration(migrations.Migration):
    """Name the state in which a person's sealed details cannot be opened."""

    dependencies = [("credit", "0004_real_files")]

    operations = [
        migrations.AlterField(
            model_name="enrollment",
            name="state",
            field=models.CharField(choices=[(state, state) for state in STATES], default="not_pulled", max_length=20),
        ),
    ]
