"""Steps of the site: syncs, jobs, webhooks, and time. Anything may happen in a sync."""

import contextlib
import json
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.test import RequestFactory
from django.utils import timezone

from banking import tasks
from banking.models import Connection, Item, WebhookEvent
from banking.sync import sync_item
from banking.sync.outcome import SyncOutcome
from banking.views.webhooks import receive
from compliance.isolation import SYSTEM, tenant
from compliance.isolation.tenant import without_tenant
from config.tests.schedules import bank_steps, person_steps
from config.tests.schedules.local_bank import Login
from config.tests.schedules.machine import Schedule, step
from config.tests.schedules.points import Action, Killed, kill
from config.tests.schedules.surroundings import WaitingJob
from config.tests.schedules.two_workers import Turns
from sandbox import faults
from sandbox.bank import items
from sandbox.webhooks import notifications, signing

LEASE = timedelta(seconds=31)
REQUESTS = RequestFactory()
MOST_QUIET_SYNCS = 8


class Crash(Exception):
    """An error that nobody foresaw."""


def crash() -> None:
    raise Crash


# What may happen in a sync while it waits for the provider. None of these starts a sync of its own.
MEANWHILE = (
    *(bank_steps.pay, bank_steps.pay, bank_steps.fail_calls),
    *(person_steps.edit, person_steps.edit, person_steps.edit_many, person_steps.make_rule, person_steps.sync_now),
    *(person_steps.reconnect, person_steps.decide_about_transfer),
)
# Of a bank that is connected twice, the person's words move to the equal row of the other connection. While one of them
# has the old version of a row and the other one the new, there is none.
CHANGES = (
    *(bank_steps.post_pending, bank_steps.post_pending, bank_steps.modify, bank_steps.remove, bank_steps.remove_late),
    *(bank_steps.require_login, bank_steps.expire_cursors),
)


def plan_interruptions(schedule: Schedule) -> dict[tuple[str, int], Action]:
    """What happens in the next sync, and where."""
    random = schedule.random
    plan: dict[tuple[str, int], Action] = {}
    if schedule.chance(0.4):
        happening = random.choice(MEANWHILE if len(schedule.bank.linked_logins) > 1 else MEANWHILE + CHANGES)
        plan["call", random.randrange(10)] = lambda: happening(schedule)
    if schedule.chance(0.45):
        point = random.choice((("call", 10), ("page", 4), ("statement", 50), ("commit", 6)))
        # A commit ends a transaction or fails with an error of the database, and never with another one.
        plan[point[0], random.randrange(point[1])] = (
            kill if point[0] == "commit" else random.choice((kill, kill, crash))
        )
    return plan


def run_jobs(schedule: Schedule, jobs: list[WaitingJob]) -> None:
    """Let a worker run jobs. One that is killed takes only its own job with it."""
    for job in jobs:
        with connection.execute_wrapper(schedule.points.on_statement), contextlib.suppress(Killed, Crash):
            getattr(tasks, job.task)(*job.args, **job.options)


def make_sync_job(login: Login, trigger: str, *, owner_id: Any, patient: bool = False) -> WaitingJob:
    args = (str(owner_id), str(login.item_id), trigger)
    return WaitingJob("sync_item", args, {"patient": patient}, timezone.now())


@step(16)
def sync(schedule: Schedule) -> None:
    """Sync an Item that is due, whatever started it."""
    if login := schedule.choose_login():
        make_due(schedule, login)
        job = make_job(schedule, login)
        skew = timedelta(seconds=schedule.random.choice((0, 0, 0, -400, -20, 20, 400)))
        with schedule.clock_skew(skew), schedule.points.happening(plan_interruptions(schedule)):
            run_jobs(schedule, [job])


def make_due(schedule: Schedule, login: Login) -> None:
    """The person or a webhook requests a sync, so that most attempts find the Item due."""
    if schedule.chance(0.8):
        with tenant(schedule.user.pk):
            Item.objects.filter(pk=login.item_id).update(sync_requested_at=timezone.now(), next_sync_at=Now())


def make_job(schedule: Schedule, login: Login) -> WaitingJob:
    trigger = schedule.random.choice(("beat", "beat", "webhook", "follow-up", "refresh", "link"))
    return make_sync_job(login, trigger, owner_id=schedule.user.pk, patient=schedule.chance(0.3))


@step(5)
def sync_with_two_workers(schedule: Schedule) -> None:
    """Two workers sync the same Item, or two of the person's. A worker may lose its lease while it waits."""
    if not schedule.bank.linked_logins:
        return
    first, second = schedule.choose_login(), schedule.choose_login()
    loses_lease = schedule.chance(0.6)
    for login in (first, second):
        make_due(schedule, login)
    jobs = [make_job(schedule, first), make_job(schedule, second)]

    def change_turn() -> None:
        if loses_lease and schedule.chance(0.6):
            schedule.clock.shift(LEASE)
            with without_tenant():
                make_due(schedule, second)

    turns = Turns(schedule.random, between=change_turn)
    with schedule.points.happening(plan_interruptions(schedule)):
        turns.run(
            lambda: run_jobs(schedule, jobs[:1]),
            lambda: run_jobs(schedule, jobs[1:]),
            points=schedule.points,
            worker=schedule.surroundings.worker,
        )


@step(5)
def run_waiting_jobs(schedule: Schedule) -> None:
    """Workers take jobs in any order; some are lost and some run twice."""
    waiting = schedule.surroundings.jobs
    jobs = [job for job in waiting if job.due <= timezone.now() or schedule.chance(0.2)]
    schedule.surroundings.jobs[:] = [job for job in waiting if job not in jobs]
    schedule.random.shuffle(jobs)
    chosen = [job for job in jobs for _ in range(schedule.random.choice((0, 1, 1, 1, 2)))]
    with schedule.points.happening(plan_interruptions(schedule)):
        run_jobs(schedule, chosen[:4])


@step(3)
def dispatch(schedule: Schedule) -> None:
    """Celery beat finds what is due: Items that no worker has, and webhooks whose job was lost."""
    with tenant(schedule.user.pk):
        free = Q(leased_until=None) | Q(leased_until__lte=Now())
        due = set(Item.objects.filter(free, connection=Connection.ACTIVE, next_sync_at__lte=Now()).values_list("pk"))
    for login in schedule.bank.linked_logins:
        if (login.item_id,) in due:
            schedule.surroundings.jobs.append(make_sync_job(login, "beat", owner_id=schedule.user.pk))
    with tenant(SYSTEM):
        ids = [login.provider_item_id for login in schedule.bank.logins]
        events = WebhookEvent.objects.filter(provider_item_id__in=ids, next_attempt_at__lte=timezone.now())
        for event_id in events.order_by("pk").values_list("pk", flat=True)[:3]:
            schedule.surroundings.jobs.append(WaitingJob("process_webhook", (str(event_id),), {}, timezone.now()))


@step(6)
def deliver_webhooks(schedule: Schedule) -> None:
    """Webhooks arrive in any order: some twice, some late, some never."""
    collect_webhooks(schedule)
    schedule.random.shuffle(schedule.webhooks)
    still_on_their_way = []
    for body in schedule.webhooks[:4]:
        match schedule.random.choice(("arrives", "arrives", "arrives twice", "is late", "is lost")):
            case "arrives":
                deliver(schedule, body)
            case "arrives twice":
                deliver(schedule, body, times=2)
            case "is late":
                still_on_their_way.append(body)
    schedule.webhooks = still_on_their_way
    if schedule.chance(0.7):
        schedule.advance(seconds=3)
        run_waiting_jobs(schedule)


def receive_early(schedule: Schedule, provider_item_id: str) -> None:
    """A webhook arrives before the exchange of its Item is stored."""
    item = items.get(schedule.context, provider_item_id)
    notifications.transactions_changed(schedule.context, item, 1, [])
    deliver_webhooks(schedule)


def collect_webhooks(schedule: Schedule) -> None:
    statement = "SELECT id, body FROM outbox WHERE id > ? ORDER BY id"
    for row in schedule.context.store.all(statement, schedule.last_webhook):
        schedule.last_webhook = row["id"]
        schedule.webhooks.append(row["body"])


def deliver(schedule: Schedule, body: str, *, times: int = 1) -> None:
    """Send a signed webhook to the site's endpoint; a copy has the same signature or another one."""
    signature = ""
    for _ in range(times):
        signature = signature if signature and schedule.chance(0.5) else signing.sign(schedule.context, body.encode())
        request = REQUESTS.post(
            "/webhooks/plaid/", body, content_type="application/json", headers={"Plaid-Verification": signature}
        )
        assert receive(request, provider_key="plaid").status_code in (200, 503)


@step(5)
def wait(schedule: Schedule) -> None:
    """Let time pass. After twelve hours without a sync, another connection to the bank comes first."""
    schedule.advance(seconds=schedule.random.choice((3, 31, 31, 120, 3600, 7 * 3600, 26 * 3600)))


@step(3)
def link_again(schedule: Schedule) -> None:
    """Link the bank again, also while it is linked, with a longer or shorter history."""
    if len(schedule.bank.linked_logins) >= 2 or len(schedule.bank.logins) >= 4:
        return
    sync_all_quietly(schedule)
    login = schedule.link(
        days=schedule.random.choice((10, 29, 60)),
        before_stored=partial(receive_early, schedule) if schedule.chance(0.5) else None,
    )
    kill_sync(schedule, login)
    sync_all_quietly(schedule)


@step(2)
def change_account_ids(schedule: Schedule) -> None:
    """The bank changes its systems: all accounts and rows of one login get new ids.

    The person's words go to the equal row, so both syncs see no other change. Not after a decision about a transfer,
    which names two rows and is lost with them.
    """
    login = schedule.choose_login()
    if login is not None and all(pair.is_joined is None for pair in schedule.pairs):
        sync_all_quietly(schedule)
        schedule.bank.mutate(login, rotate_account_ids=True)
        kill_sync(schedule, login)
        sync_all_quietly(schedule)


def kill_sync(schedule: Schedule, login: Login) -> None:
    """Start a sync whose worker dies somewhere, perhaps after its end."""
    kind, most = schedule.random.choice((("call", 8), ("statement", 50), ("commit", 6)))
    make_due(schedule, login)
    with schedule.points.happening({(kind, schedule.random.randrange(most)): kill}):
        run_jobs(schedule, [make_job(schedule, login)])


@step(2)
def disconnect(schedule: Schedule) -> None:
    """Disconnect a bank that is up to date, perhaps while its next sync waits for the provider."""
    login = schedule.choose_login()
    if login is None:
        return
    keep_history, in_sync = schedule.chance(0.6), schedule.chance(0.4)
    sync_all_quietly(schedule)
    login.rows = schedule.bank.list_rows(login)

    def end() -> None:
        person_steps.disconnect(schedule, login, keep_history=keep_history)

    if in_sync:
        # Of the sync that is under way nothing may be stored.
        bank_steps.pay(schedule)
        make_due(schedule, login)
        with schedule.points.happening({("call", schedule.random.randrange(6)): end}):
            run_jobs(schedule, [make_job(schedule, login)])
    if login.is_linked:
        sync_quietly(schedule, login)
        login.rows = schedule.bank.list_rows(login)
        end()


@step(1)
def close_account(schedule: Schedule) -> None:
    """The bank lists an account no more. What was synced of it stays, so everything is synced before."""
    if not schedule.bank.linked_logins or len(schedule.bank.drafts) < 3:
        return
    sync_all_quietly(schedule)
    schedule.bank.close_account(schedule.random.choice(sorted(schedule.bank.drafts)))


def sync_all_quietly(schedule: Schedule) -> None:
    for login in schedule.bank.linked_logins:
        sync_quietly(schedule, login)


def sync_quietly(schedule: Schedule, login: Login) -> None:
    """Sync an Item until nothing is left to do, with nothing in the way. Fails if that needs too many syncs."""
    faults.clear(schedule.context)
    # Leases have expired, and limits that the provider refused.
    schedule.advance(seconds=61)
    schedule.bank.set_state(login, force_status="", webhook=False)
    item = schedule.get_item(login)
    if schedule.bank.get_item(login).error or item.connection != Connection.ACTIVE:
        person_steps.reconnect_login(schedule, login)
    for _ in range(MOST_QUIET_SYNCS):
        outcome = sync_item(owner_id=schedule.user.pk, item_id=login.item_id, trigger="quiet")
        assert outcome.ran, f"a sync in quiet did not run: {describe(schedule.get_item(login))}"
        if outcome.run_again_in is None and (item := schedule.get_item(login)).cursor and not item.failures:
            login.synced_at = timezone.now()
            return
    raise AssertionError(f"syncs in quiet did not come to an end: {describe(schedule.get_item(login))}")


def describe(item: Item) -> str:
    columns = ("connection", "readiness", "error_code", "failures", "lease_holder", "leased_until", "next_sync_at")
    return json.dumps({name: str(getattr(item, name)) for name in columns})


def sync_if_due(schedule: Schedule, login: Login) -> SyncOutcome:
    return sync_item(owner_id=schedule.user.pk, item_id=login.item_id, trigger="quiet", if_due=True)
