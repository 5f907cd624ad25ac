"""Webhooks about dialogs lead to their link sessions, of which several may share one link token."""

from django.db import migrations, models

from compliance.isolation.migrations import DefinerFunction


class Migration(migrations.Migration):
    dependencies = [("banking", "0013_liabilities")]

    operations = [
        migrations.AlterField(
            model_name="linksession",
            name="link_token_hash",
            field=models.CharField(max_length=64, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="link_token_hash",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("link_token_hash", ""), _negated=True),
                fields=["link_token_hash"],
                name="webhooks_of_link_session",
            ),
        ),
        DefinerFunction(
            "banking_find_link_session",
            "provider text, environment text, link_token_hash text",
            "TABLE (owner_id uuid, session_id uuid)",
            """
            SELECT session.owner_id, session.id FROM banking_linksession AS session
            WHERE session.provider = $1 AND session.environment = $2 AND session.link_token_hash = $3
            """,
        ),
    ]
