from django.db import migrations, models

from credit.states import State


class Migration(migrations.Migration):
    """Name the state in which a person's sealed details cannot be opened."""

    dependencies = [("credit", "0004_real_files")]

    operations = [
        migrations.AlterField(
            model_name="enrollment",
            name="state",
            field=models.CharField(choices=[(s, s) for s in State], default=State.NOT_PULLED, max_length=20),
        ),
    ]
