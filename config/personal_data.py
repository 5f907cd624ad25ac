"""Why the tables of the site itself and of Celery beat have no data about people."""

from django_celery_beat import models as beat

from compliance.personal_data import register_non_personal
from config.models import PolicyViolation

register_non_personal(PolicyViolation, "Counts of blocked scripts by page, without who had the page open.")
for model in (
    beat.SolarSchedule,
    beat.IntervalSchedule,
    beat.ClockedSchedule,
    beat.CrontabSchedule,
    beat.PeriodicTasks,
    beat.PeriodicTask,
):
    register_non_personal(model, "The schedule of the site's jobs.")
