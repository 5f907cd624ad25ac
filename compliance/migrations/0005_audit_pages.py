"""What the page of a person's own trail shows besides events: the last verification, and the accesses of a day."""

from django.db import migrations, models

from compliance.isolation.migrations import IsolateByOwner

FAULTS = [
    "predecessor_missing", "event_missing", "changed", "unlinked", "end_moved", "chain_missing", "checkpoint_forged",
    "cut_since_anchor", "replaced_since_anchor",
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("compliance", "0004_audit_retention")]

    operations = [
        migrations.CreateModel(
            name="TrailVerification",
            fields=[
                ("owner", models.UUIDField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("events", models.BigIntegerField()),
                (
                    "fault",
                    models.CharField(blank=True, choices=[(fault, fault) for fault in FAULTS], max_length=40),
                ),
                ("sequence", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("events__gte", 0)), name="events_are_counted")
                ],
            },
        ),
        migrations.CreateModel(
            name="DailyAccess",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("owner", models.UUIDField(editable=False)),
                ("day", models.DateField()),
                ("kind", models.CharField(max_length=30)),
                ("count", models.PositiveIntegerField()),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "day", "kind"), name="one_daily_access_per_kind")
                ],
            },
        ),
        IsolateByOwner("TrailVerification", privileges=("SELECT", "INSERT", "UPDATE"), owner_key=False),
        IsolateByOwner("DailyAccess"),
    ]
