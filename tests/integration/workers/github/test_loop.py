"""The loop that works deliveries and jobs off: none of them waits for another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.support.github_case import FILES, Case, wait_until
from tests.support.github_payloads import labelled
from workers.forges.intake.inbox import Outcome
from workers.forges.loop import UniqueTasks, forge_loop, run_forge_loop

PATIENCE_SECONDS = 120.0


@contextmanager
def held(case: Case, part: str) -> Iterator[threading.Event]:
    """GitHub gives no answer where the path has this part, until the block ends; the event is set
    once it was asked for one."""
    arrival, release = threading.Event(), threading.Event()

    def hold(_method: str, path: str) -> bool:
        if part not in path:
            return False
        arrival.set()
        release.wait(PATIENCE_SECONDS)
        return True

    case.world.cut_after = hold
    try:
        yield arrival
    finally:
        release.set()


def deliver_slow(case: Case) -> None:
    """A label on an issue of another repository."""
    slow = case.world.add_repo("acme/slow", FILES)
    case.world.add_user("dev", slow, "write")
    number = case.world.add_issue(slow, "Sums are wrong", "The tests fail.", "dev")["number"]
    assert case.deliver("issues", labelled(number, name="acme/slow"))["status_code"] == 202


def test_a_slow_fetch_holds_up_no_other_delivery(case: Case) -> None:
    with held(case, "/acme/slow.git/") as arrival, forge_loop(case.github, 30.0):
        deliver_slow(case)
        assert arrival.wait(PATIENCE_SECONDS)
        case.deliver("issues", labelled(case.issue()))
        wait_until(case.store.jobs)
        assert case.job().request.repository == "acme/ledger"


def test_the_end_cuts_a_fetch_off_and_its_delivery_is_tried_again(case: Case) -> None:
    with held(case, "/acme/slow.git/") as arrival:
        thread = threading.Thread(target=run_forge_loop, args=(case.github, 30.0), daemon=True)
        thread.start()
        deliver_slow(case)
        assert arrival.wait(PATIENCE_SECONDS)
        case.github.closing.set()
        thread.join(PATIENCE_SECONDS / 2)
        assert not thread.is_alive()
    (entry,) = case.github.inbox.newest()
    assert (entry.outcome, entry.attempts) == (Outcome.WAITING, 1)
    assert not any(case.github.sources.glob("*"))


def test_a_step_that_breaks_ends_no_other(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = threading.Event()

    def broken(*_: object) -> None:
        attempt.set()
        raise OSError("input/output error")

    monkeypatch.setattr("workers.forges.loop.prune", broken)
    with forge_loop(case.github, 30.0):
        assert attempt.wait(PATIENCE_SECONDS)
        case.deliver("issues", labelled(case.issue()))
        wait_until(case.store.jobs)


def test_of_each_key_one_task_runs_at_a_time() -> None:
    start, release, outputs = threading.Event(), threading.Event(), list[str]()

    def block() -> None:
        start.set()
        release.wait(PATIENCE_SECONDS)

    with ThreadPoolExecutor(2) as pool:
        tasks = UniqueTasks(pool)
        tasks.start("one", block)
        assert start.wait(PATIENCE_SECONDS)
        tasks.start("one", outputs.append, "too soon")
        tasks.start("other", outputs.append, "other")
        wait_until(lambda: outputs == ["other"])
        release.set()
        wait_until(lambda: not tasks.keys)
        tasks.start("one", outputs.append, "again")
    assert outputs == ["other", "again"]
