from django.db import migrations, models


class Migration(migrations.Migration):
    """Remember which of a person's own days a report is due for, whenever it is asked for."""

    dependencies = [("credit", "0002_isolation")]

    operations = [
        migrations.AddField("enrollment", "due_on", models.DateField(null=True)),
        migrations.AddField("pullattempt", "due_on", models.DateField(null=True)),
    ]
