"""Works off what came in, and lets the clock ask, until it is told to stop."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from workers.errors import WorkersError
from workers.github.connection import GitHub
from workers.github.delivery import Delivery
from workers.github.errors import GitHubError
from workers.github.intake import Intake
from workers.github.trigger import Cause, Trigger

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
CLOCK_SECONDS = 60.0
SIDE_BY_SIDE = 4
"""Deliveries handled at a time: one slow fetch must not hold up the others."""


def run_github_loop(github: GitHub, stop: threading.Event) -> None:
    """Handle deliveries until `stop` is set. Several processes may do so at once."""
    intake = Intake(github)
    next_look_at_clock = 0.0
    with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="github") as pool:
        while not stop.is_set():
            try:
                if time.monotonic() >= next_look_at_clock:
                    ask_by_clock(github, time.time())
                    next_look_at_clock = time.monotonic() + CLOCK_SECONDS
                waiting = github.inbox.due()
            except WorkersError as error:
                log.warning("the inbox cannot be read now: %s", error)
                waiting = []
            list(pool.map(lambda one: handle_safely(intake, one), waiting))
            stop.wait(POLL_SECONDS)


def handle_safely(intake: Intake, delivery_id: str) -> None:
    """Handle one delivery; whatever it meets, the others go on."""
    try:
        intake.handle(delivery_id)
    except (WorkersError, GitHubError) as error:
        log.warning("delivery %s: %s", delivery_id, error)
    except Exception:  # the boundary: it stays in the inbox and comes up again
        log.exception("delivery %s", delivery_id)


def ask_by_clock(github: GitHub, now: float) -> None:
    """Record a delivery for each repository whose time has come, once for each period."""
    for name, policy in github.policies.repositories.items():
        if policy.schedule_hours is None or not policy.allows(Cause.SCHEDULE):
            continue
        period = int(now // (policy.schedule_hours * 3600))
        asked = f"{name} {period}"
        digest = hashlib.sha256(f"schedule {asked}".encode()).hexdigest()
        delivery = Delivery(
            delivery_id=f"schedule-{digest[:32]}",
            event="schedule",
            data={"repository": {"full_name": name}},
            digest=digest,
        )
        github.inbox.record(delivery, Trigger(cause=Cause.SCHEDULE, repository=name))
