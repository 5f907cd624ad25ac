"""What becomes of a linking dialog whose end did not reach us, and what the dialog says when it ends."""

from django.db import migrations, models

from compliance.isolation.migrations import DefinerFunction, ShowOperators

WORDS = ("link_session_id", "exit_status", "request_id")
MOMENTS = ("resumed_at", "exchange_sent_at", "next_look_at")


class Migration(migrations.Migration):
    dependencies = [("banking", "0011_item_fault")]

    operations = [
        *(
            migrations.AddField("linksession", name, models.CharField(blank=True, default="", max_length=100), False)
            for name in WORDS
        ),
        *(migrations.AddField("linksession", name, models.DateTimeField(null=True)) for name in MOMENTS),
        migrations.AddField("linksession", "looks", models.PositiveSmallIntegerField(default=0)),
        migrations.AlterField(
            model_name="linksession",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "Open"),
                    ("exchanging", "Exchanging"),
                    ("owed", "Owed"),
                    ("lost", "Lost"),
                    ("linked", "Linked"),
                    ("duplicate", "Duplicate"),
                    ("abandoned", "Abandoned"),
                    ("failed", "Failed"),
                ],
                default="open",
                max_length=12,
            ),
        ),
        migrations.AddIndex(
            model_name="linksession",
            index=models.Index(
                condition=models.Q(("state__in", ("owed", "exchanging"))),
                fields=["next_look_at", "claimed_at"],
                name="links_owed",
            ),
        ),
        DefinerFunction(
            "banking_owed_lookups",
            "environment text, most integer",
            "TABLE (owner_id uuid, session_id uuid)",
            """
            SELECT link.owner_id, link.id FROM banking_linksession AS link
            WHERE link.environment = $1
              AND (link.state = 'owed' AND link.next_look_at <= now()
                   OR link.state = 'exchanging' AND link.claimed_at <= now() - interval '2 minutes')
            ORDER BY link.next_look_at LIMIT most
            """,
        ),
        ShowOperators(
            "banking.LinkSession",
            columns=[
                "id", "owner_id", "environment", "state", "created_at", "claimed_at", "exchange_sent_at", "looks",
                "next_look_at", "error_code", "exit_status", "link_session_id", "request_id", "repairs",
            ],
        ),
    ]
