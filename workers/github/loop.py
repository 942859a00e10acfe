"""Works off what came in and what is to be shown, and lets the clock ask, until told to stop.

It runs beside the webhook, in the only process that has GitHub's key: workers get none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from workers.errors import WorkersError
from workers.github.connection import GitHub
from workers.github.errors import GitHubError, RateLimited
from workers.github.intake.intake import Intake
from workers.github.publish.publisher import Publisher
from workers.github.retention import prune
from workers.github.webhook.delivery import Delivery
from workers.github.webhook.trigger import Cause, Trigger
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
def github_loop(github: GitHub, retention_days: float) -> Iterator[None]:
    """Run the loop in a thread for as long as the block lasts."""
    stop = threading.Event()
    thread = threading.Thread(
        target=run_github_loop, args=(github, stop, retention_days), name="github-loop"
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def run_github_loop(github: GitHub, stop: threading.Event, retention_days: float) -> None:
    """Handle deliveries and publish jobs until `stop` is set. Several processes may do so."""
    intake, publisher = Intake(github), Publisher(github)
    next_look_at_clock = next_pruning = 0.0
    with ThreadPoolExecutor(LOOP_THREADS, thread_name_prefix="github") as pool:
        while not stop.is_set():
            try:
                if time.monotonic() >= next_look_at_clock:
                    ask_by_clock(github, time.time())
                    next_look_at_clock = time.monotonic() + SCHEDULE_CHECK_SECONDS
                if time.monotonic() >= next_pruning:
                    prune(github, retention_days)
                    next_pruning = time.monotonic() + PRUNE_INTERVAL_SECONDS
                intakes = [
                    pool.submit(handle_safely, intake, delivery_id)
                    for delivery_id in github.inbox.due()
                ]
                publications = [
                    pool.submit(publish_safely, publisher, github.store, entry.job_id)
                    for entry in github.store.unpublished(Topic.PUBLISH)
                ]
                for work in (*intakes, *publications):
                    work.result()
            except WorkersError as error:
                log.warning("the database cannot be used now: %s", error)
            stop.wait(POLL_SECONDS)


def handle_safely(intake: Intake, delivery_id: str) -> None:
    """Handle one delivery; whatever it meets, the others go on."""
    try:
        intake.handle(delivery_id)
    except (WorkersError, GitHubError) as error:
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
    except (WorkersError, GitHubError) as error:
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


def ask_by_clock(github: GitHub, clock_seconds: float) -> None:
    """Record a delivery for each repository whose time has come, once for each period."""
    for name, policy in github.policies.repositories.items():
        if policy.schedule_hours is None or not policy.allows(Cause.SCHEDULE):
            continue
        period = int(clock_seconds // (policy.schedule_hours * 3600))
        delivery = Delivery.of_own("schedule", name, str(period))
        github.inbox.record(delivery, Trigger(cause=Cause.SCHEDULE, repository=name))
