"""What a bank sent and could not be stored, by field; and ids as long as banks may make them."""

from django.db import migrations, models

from compliance.isolation.migrations import ShowOperators


class Migration(migrations.Migration):

    dependencies = [
        ('banking', '0013_successor'),
    ]

    operations = [
        migrations.AddField(
            model_name='item',
            name='missing',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='syncrun',
            name='flaws',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddField(
            model_name='syncrun',
            name='set_aside',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='account',
            name='persistent_id',
            field=models.CharField(blank=True, max_length=256),
        ),
        migrations.AlterField(
            model_name='account',
            name='provider_id',
            field=models.CharField(max_length=256),
        ),
        migrations.AlterField(
            model_name='transaction',
            name='pending_id',
            field=models.CharField(blank=True, max_length=256),
        ),
        migrations.AlterField(
            model_name='transaction',
            name='provider_id',
            field=models.CharField(max_length=256),
        ),
        ShowOperators("banking.SyncRun", columns=["set_aside", "flaws"]),
    ]
