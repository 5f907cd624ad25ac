from django.db import migrations, models


class Migration(migrations.Migration):
    """Lead from an owner to the days of an account, as every question about balances goes."""

    dependencies = [("banking", "0014_set_aside")]

    operations = [
        migrations.RemoveConstraint(model_name="balancesnapshot", name="one_snapshot_per_day"),
        migrations.AddConstraint(
            model_name="balancesnapshot",
            constraint=models.UniqueConstraint(fields=("owner", "account", "day"), name="one_snapshot_per_day"),
        ),
    ]
