from django.db import migrations, models

ROLES = (
    "individual",
    "joint",
    "authorized_user",
    "cosigner",
    "maker",
    "on_behalf",
    "business",
    "terminated",
    "deceased",
    "deleted",
    "undesignated",
    "unknown",
)


class Migration(migrations.Migration):
    """Name all the ways in which a person stands to an account."""

    dependencies = [("credit", "0005_details_lost")]

    operations = [
        migrations.AlterField(
            model_name="tradeline",
            name="role",
            field=models.CharField(choices=[(role, role) for role in ROLES], max_length=20),
        ),
        migrations.AlterField(
            model_name="publicrecord",
            name="role",
            field=models.CharField(choices=[(role, role) for role in ROLES], default="unknown", max_length=20),
        ),
    ]
