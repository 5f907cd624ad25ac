"""What the page of a person's own trail shows besides events: the last verification, and the accesses of a day."""

from django.db import migrations, models

from compliance.isolation.migrations import IsolateByOwner

FAULTS = [
    "predecessor_missing", "event_missing", "changed", "unlinked", "end_moved", "chain_missing", "checkpoint_forged",
    "cut_since_anchor", "replaced_since_anchor", "purged_too_early", "shortened",
]  # fmt: skip

# A function, because PL/pgSQL keeps the plan: planning this statement takes longer than executing it. It runs as its
# caller, so row-level security limits it to the tenant's rows.
COUNT_ACCESSES = """
    CREATE FUNCTION compliance_count_accesses(at timestamptz, kinds text[]) RETURNS void LANGUAGE plpgsql
        -- Without a search path of its own: setting it would discard the plan. Roles have a fixed one.
        AS $$ BEGIN
            INSERT INTO public.compliance_dailyaccess AS stored (owner, day, kind, count, first_at, last_at)
            SELECT app_tenant(), (at AT TIME ZONE 'UTC')::date, kind, 1, at, at FROM unnest(kinds) AS kind
            ON CONFLICT (owner, day, kind) DO UPDATE SET count = stored.count + 1, last_at = excluded.last_at
            -- Otherwise another process has counted this minute.
            WHERE date_trunc('minute', stored.last_at) < date_trunc('minute', excluded.last_at);
        END $$;
    REVOKE ALL ON FUNCTION compliance_count_accesses(timestamptz, text[]) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION compliance_count_accesses(timestamptz, text[]) TO app_rw;
"""


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
                ("head_sequence", models.BigIntegerField(default=0)),
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
        migrations.RunSQL(COUNT_ACCESSES, "DROP FUNCTION compliance_count_accesses(timestamptz, text[])"),
    ]
