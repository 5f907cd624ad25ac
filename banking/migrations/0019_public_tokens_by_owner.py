"""A public token is one session's of each person: who tries another's, in vain, does not keep them from using it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("banking", "0018_words_without_entities")]

    operations = [
        migrations.AlterField("linksession", "public_token_hash", models.CharField(max_length=64, null=True)),
        migrations.AddConstraint(
            "linksession",
            models.UniqueConstraint(fields=("owner", "public_token_hash"), name="one_session_per_public_token"),
        ),
    ]
