"""Read the jobs that wait in the real Redis queues."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import redis
from django.conf import settings

from compliance.queues import Lane


@dataclass(frozen=True)
class Job:
    """A queued job: the task's function name, its arguments, and its ETA (``None``: at once)."""

    task: str
    arguments: list[str]
    start: datetime | None
    lane: Lane = Lane.SHARED
    patient: bool = False


def queued_jobs(about: UUID) -> list[Job]:
    """Return the waiting jobs that have this id among their arguments, oldest first."""
    with redis.Redis.from_url(settings.REDIS_URL) as queue:
        messages = [(lane, message) for lane in Lane for message in reversed(queue.lrange(lane.queue, 0, -1))]
        jobs = [parse_job(lane, json.loads(message)) for lane, message in messages]
    return [job for job in jobs if str(about) in job.arguments]


def parse_job(lane: Lane, message: dict) -> Job:
    headers = message["headers"]
    arguments, options, _ = json.loads(base64.b64decode(message["body"]))
    start = datetime.fromisoformat(headers["eta"]) if headers["eta"] else None
    return Job(headers["task"].rpartition(".")[2], arguments, start, lane, options.get("patient", False))
