"""What a notification is about, so that it can be deleted with that."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_deletion_request_email")]

    operations = [migrations.AddField("Notification", "subject_id", models.UUIDField(null=True))]
