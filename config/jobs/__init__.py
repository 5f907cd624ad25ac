"""The broker and the scheduler of Celery."""
