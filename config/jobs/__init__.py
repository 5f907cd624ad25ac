"""What Celery runs on: the queue in Redis and the scheduler of beat."""
