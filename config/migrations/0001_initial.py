"""What browsers report of pages that broke the content security policy."""

from django.db import migrations, models

from compliance.isolation.migrations import GrantOperatorRead


class Migration(migrations.Migration):
    initial = True

    dependencies = [("compliance", "0002_isolation")]

    operations = [
        migrations.CreateModel(
            name="PolicyViolation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("directive", models.CharField(max_length=40)),
                ("page", models.CharField(max_length=200)),
                ("blocked", models.CharField(max_length=200)),
                ("source", models.CharField(max_length=200)),
                ("count", models.PositiveBigIntegerField(default=1)),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-last_at"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "directive", "page", "blocked", "source"),
                        name="one_row_a_day_for_each_violation",
                    )
                ],
            },
        ),
        GrantOperatorRead(
            "config.PolicyViolation",
            columns=["id", "day", "directive", "page", "blocked", "source", "count", "first_at", "last_at"],
        ),
    ]
