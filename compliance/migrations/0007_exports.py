"""Exports of people's data, and the questions about everybody's exports."""

from django.conf import settings
from django.db import migrations, models

import django.db.models.deletion
import django.utils.timezone

import compliance.isolation.models
import compliance.vault.fields
from compliance.isolation.migrations import DefinerFunction, GrantOperatorRead, IsolateByOwner, OperatorView


class Migration(migrations.Migration):
    dependencies = [("compliance", "0006_erasure"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name='DataExport',
            fields=[
                ('id', models.UUIDField(default=compliance.isolation.models.new_id, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('ready', 'Ready'), ('failed', 'Failed'), ('expired', 'Expired')], default='queued', max_length=10)),
                ('requested_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('downloaded_at', models.DateTimeField(null=True)),
                ('part', models.PositiveSmallIntegerField(default=0)),
                ('part_count', models.PositiveSmallIntegerField(default=0)),
                ('part_name', models.CharField(blank=True, max_length=100)),
                ('row_count', models.PositiveBigIntegerField(default=0)),
                ('file_count', models.PositiveIntegerField(default=0)),
                ('unreadable_count', models.PositiveIntegerField(default=0)),
                ('size', models.PositiveBigIntegerField(null=True)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('file_key', compliance.vault.fields.SealedTextField(null=True)),
                ('error_code', models.CharField(blank=True, choices=[('disk_full', 'Disk Full'), ('storage', 'Storage'), ('damaged', 'Damaged'), ('interrupted', 'Interrupted'), ('key', 'Key'), ('missing', 'Missing')], max_length=20)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('lease_holder', models.UUIDField(null=True)),
                ('leased_until', models.DateTimeField(null=True)),
                ('download_hash', models.CharField(blank=True, max_length=64)),
                ('download_until', models.DateTimeField(null=True)),
                ('owner', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['owner', '-requested_at'], name='exports_newest_first'), models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['next_attempt_at'], name='exports_due'), models.Index(condition=models.Q(('state', 'ready')), fields=['expires_at'], name='exports_expiring')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ('queued', 'running'))), fields=('owner',), name='one_active_export_per_person'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'ready'), _negated=True), models.Q(('expires_at__isnull', False), ('file_key__isnull', False), ('finished_at__isnull', False), ('size__isnull', False)), _connector='OR'), name='ready_export_has_file'), models.CheckConstraint(condition=models.Q(('state', 'ready'), ('file_key__isnull', True), _connector='OR'), name='only_ready_export_has_key')],
            },
        ),
        IsolateByOwner("DataExport", owner_key=False),
        # What an operator may read: when and how large, and nothing of what is in it.
        GrantOperatorRead(
            "compliance.DataExport",
            columns=[
                "id", "owner_id", "state", "requested_at", "started_at", "finished_at", "expires_at", "downloaded_at",
                "row_count", "file_count", "unreadable_count", "size", "error_code", "attempts",
            ],
        ),
        OperatorView(
            "compliance_unfinished_exports",
            columns=["id", "user_id", "state", "requested_at", "attempts", "error_code"],
            query="""
            SELECT id, owner_id, state, requested_at, attempts, error_code FROM compliance_dataexport
            WHERE state IN ('queued', 'running', 'failed')
            """,
        ),
        migrations.CreateModel(
            name="UnfinishedExport",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("user_id", models.UUIDField()),
                ("state", models.CharField(max_length=10)),
                ("requested_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField()),
                ("error_code", models.CharField(max_length=20)),
            ],
            options={"db_table": "compliance_unfinished_exports", "ordering": ["requested_at"], "managed": False},
        ),
        DefinerFunction(
            "compliance_due_exports",
            "most integer",
            "TABLE (owner_id uuid, export_id uuid)",
            """
            SELECT export.owner_id, export.id FROM compliance_dataexport AS export
            WHERE export.state = 'queued' AND export.next_attempt_at <= now()
               OR export.state = 'running' AND export.leased_until <= now()
            ORDER BY export.next_attempt_at LIMIT most
            """,
        ),
        DefinerFunction(
            "compliance_expired_exports",
            "most integer",
            "TABLE (owner_id uuid, export_id uuid)",
            """
            SELECT export.owner_id, export.id FROM compliance_dataexport AS export
            WHERE export.state = 'ready' AND export.expires_at <= now()
            ORDER BY export.expires_at LIMIT most
            """,
        ),
        DefinerFunction(
            "compliance_ready_exports",
            "after uuid, most integer",
            "TABLE (owner_id uuid, export_id uuid)",
            """
            SELECT export.owner_id, export.id FROM compliance_dataexport AS export
            WHERE export.state = 'ready' AND export.id > after ORDER BY export.id LIMIT most
            """,
        ),
        DefinerFunction(
            "compliance_exports_with_file",
            "ids uuid[]",
            "TABLE (export_id uuid)",
            """
            SELECT export.id FROM compliance_dataexport AS export
            WHERE export.id = ANY (ids) AND export.state IN ('queued', 'running', 'ready')
            """,
        ),
    ]
