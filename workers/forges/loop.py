"""Works off what came in and what is to be shown, and lets the clock ask, until told to stop.

It runs beside the webhook, in the only process that has the forge's token: workers get none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from workers.errors import WorkersError
from workers.forges.errors import ForgeError, RateLimited
from workers.forges.forge import Forge
from workers.forges.intake.intake import Intake
from workers.forges.publish.publisher import Publisher
from workers.forges.retention import prune
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.trigger import Cause, Trigger
from workers.records import Topic
from workers.store.store import Store

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
SCHEDULE_CHECK_SECONDS = 60.0
PRUNE_INTERVAL_SECONDS = 3600.0
LOOP_THREADS = 4
"""Deliveries and jobs handled at a time: one slow fetch must not hold up the others."""
MAX_PUBLISHING_ATTEMPTS = 20
FIRST_PAUSE_SECONDS = 5.0


@contextmanager
def forge_loop(forge: Forge, retention_days: float) -> Iterator[None]:
    """Run the loop in a thread for as long as the block lasts."""
    thread = threading.Thread(
        target=run_forge_loop, args=(forge, retention_days), name=f"{forge.name}-loop"
    )
    thread.start()
    try:
        yield
    finally:
        forge.closing.set()
        thread.join()


def run_forge_loop(forge: Forge, retention_days: float) -> None:
    """Handle deliveries and publish jobs until `forge.closing` is set. Several processes may do
    so."""
    pool = ThreadPoolExecutor(LOOP_THREADS, thread_name_prefix=forge.name)
    loop = ForgeLoop(forge, pool, retention_days)
    try:
        while not forge.closing.is_set():
            loop.turn()
            forge.closing.wait(POLL_SECONDS)
    finally:
        pool.shutdown(cancel_futures=True)


class ForgeLoop:
    """Starts what is due, and waits for none of it."""

    def __init__(self, forge: Forge, pool: Executor, retention_days: float) -> None:
        self._forge, self._retention_days = forge, retention_days
        self._intake, self._publisher = Intake(forge), Publisher(forge)
        self._tasks = UniqueTasks(pool)
        self._due: dict[Callable[[], None], float] = {}
        self._steps: tuple[tuple[Callable[[], None], float], ...] = (
            (self.handle_deliveries, 0.0),
            (self.publish_jobs, 0.0),
            (self.look_at_clock, SCHEDULE_CHECK_SECONDS),
            (self.prune, PRUNE_INTERVAL_SECONDS),
        )

    def turn(self) -> None:
        """Do what is due. What cannot be done now is done next time."""
        for step, seconds in self._steps:
            clock_seconds = time.monotonic()
            if clock_seconds < self._due.get(step, 0.0):
                continue
            self._due[step] = clock_seconds + seconds
            try:
                step()
            except WorkersError as error:
                log.warning("the database cannot be used now: %s", error)
            except Exception:  # the boundary: one step must not end the others
                log.exception("%s", getattr(step, "__name__", step))

    def handle_deliveries(self) -> None:
        for delivery_id in self._forge.inbox.due():
            self._tasks.start(f"delivery {delivery_id}", handle_safely, self._intake, delivery_id)

    def publish_jobs(self) -> None:
        store = self._forge.store
        for entry in store.unpublished(Topic.PUBLISH, origin=self._forge.name):
            key = f"job {entry.job_id}"
            self._tasks.start(key, publish_safely, self._publisher, store, entry.job_id)

    def look_at_clock(self) -> None:
        ask_by_clock(self._forge, time.time())

    def prune(self) -> None:
        prune(self._forge, self._retention_days)


class UniqueTasks:
    """Tasks of a pool, of each key one at a time."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self.keys: set[str] = set()
        """Of the tasks that have not ended."""

    def start(self, key: str, task: Callable[..., None], *arguments: object) -> None:
        """Hand a task to the pool, unless the one of this key has not ended yet."""
        with self._lock:
            if key in self.keys:
                return
            self.keys.add(key)
        self._pool.submit(self._carry_out, key, task, *arguments)

    def _carry_out(self, key: str, task: Callable[..., None], *arguments: object) -> None:
        try:
            task(*arguments)
        finally:
            with self._lock:
                self.keys.discard(key)


def handle_safely(intake: Intake, delivery_id: str) -> None:
    """Handle one delivery; whatever it meets, the others go on."""
    try:
        intake.handle(delivery_id)
    except (WorkersError, ForgeError) as error:
        log.warning("delivery %s: %s", delivery_id, error)
    except Exception:  # the boundary: it stays in the inbox and comes up again
        log.exception("delivery %s", delivery_id)


def publish_safely(publisher: Publisher, store: Store, job_id: str) -> None:
    """Publish one job; what does not work now is tried again later, less and less often."""
    entry = store.take_publishing(job_id)
    if entry is None:
        return
    pause = FIRST_PAUSE_SECONDS * 2.0 ** min(entry.attempts, 10)
    try:
        publisher.publish(job_id)
    except RateLimited as error:
        store.put_off(entry, error.retry_after_seconds)
    except (WorkersError, ForgeError) as error:
        log.warning("job %s is not published: %s", job_id, error)
        if error.retryable and entry.attempts < MAX_PUBLISHING_ATTEMPTS:
            store.put_off(entry, pause)
        else:
            store.settle(entry)
    except Exception:  # the boundary: one job must not keep the others from being shown
        log.exception("job %s is not published", job_id)
        store.put_off(entry, pause)
    else:
        store.settle(entry)


def ask_by_clock(forge: Forge, clock_seconds: float) -> None:
    """Record a delivery for each repository whose time has come, once for each period."""
    for name, policy in forge.policies.repositories.items():
        if policy.schedule_hours is None or not policy.allows(Cause.SCHEDULE):
            continue
        period = int(clock_seconds // (policy.schedule_hours * 3600))
        delivery = Delivery.of_own("schedule", name, str(period))
        forge.inbox.record(delivery, Trigger(cause=Cause.SCHEDULE, repository=name))
