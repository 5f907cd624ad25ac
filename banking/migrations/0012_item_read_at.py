"""Not every sync reads an Item's state and accounts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("banking", "0011_user_words")]

    operations = [
        migrations.AddField(model_name="item", name="read_at", field=models.DateTimeField(null=True)),
    ]
