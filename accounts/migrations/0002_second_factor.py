"""The limits of sign-in, and django-otp's view of allauth's table of second factors."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("type", models.CharField(max_length=20)),
            ],
            options={"db_table": "mfa_authenticator", "managed": False, "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="LoginThrottle",
            fields=[
                ("key", models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ("failures", models.PositiveIntegerField()),
                ("failed_at", models.DateTimeField()),
                ("locked_at", models.DateTimeField(null=True)),
                ("locked_until", models.DateTimeField(null=True)),
            ],
        ),
    ]
