"""A job that takes under a second, run by real workers: `python probe.py` is one.

It goes through the claim, lease, heartbeat, checkpoint, effect and finish code of every job; only
the repair graph is replaced, by a graph of three steps. What it is to do stands in the target of
its job: `probe:SECONDS[:suicide]`. It leaves one line in the outside world, once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from langgraph.graph import END, START, StateGraph

import workers.queue.app
from agent.events import Progress
from agent.records import RepairResult, Status
from agent.runs.checkpoints import Saver
from tests.faults import short_lease  # noqa: F401 - what it allows
from workers.config import ServiceSettings
from workers.host.parent import die_with_parent
from workers.host.telemetry import configure_logging
from workers.queue.execution.job_worker import FinishedRun, Task
from workers.queue.worker import serve
from workers.records import EffectState, Queue
from workers.store.store import open_store

WORLD = "PROBE_WORLD"
"""Environment variable: the folder that stands for everything outside."""


class Steps(TypedDict):
    done: list[str]


def probe(task: Task) -> FinishedRun:
    _, seconds, *rest = task.job.request.repair.target.split(":")
    if rest == ["suicide"]:
        os.kill(os.getpid(), signal.SIGKILL)
    with _alive(task), task.checkpoints() as saver:
        cancelled = not _walk(saver, task, float(seconds))
    status = Status.CANCELLED if cancelled else Status.REPAIRED
    result = RepairResult(run_id=task.job.id, status=status, reason="probed")
    return FinishedRun(result=result, result_json="{}", patch="+probed\n")


@contextmanager
def _alive(task: Task) -> Iterator[None]:
    """Leave behind from when to when this run lived."""
    began = time.time()
    try:
        yield
    finally:
        with (Path(os.environ[WORLD]) / f"{task.job.id}.lives").open("a") as file:
            file.write(f"{began} {time.time()}\n")


def _walk(saver: Saver, task: Task, seconds: float) -> bool:
    """Go on from the last checkpoint; False when told to stop."""

    def step(state: Steps) -> Steps:
        number = len(state["done"])
        task.listen(Progress(text=f"step {number}"))
        if task.stop.wait(seconds / 3):
            raise InterruptedError
        if number == 1:
            _leave_a_mark(task)
        return {"done": [*state["done"], f"step {number}"]}

    graph = StateGraph(Steps)
    names = ("one", "two", "three")
    for before, name in zip((START, *names), names, strict=False):
        graph.add_node(name, step)
        graph.add_edge(before, name)
    graph.add_edge("three", END)
    walk = graph.compile(checkpointer=saver)
    config = {"configurable": {"thread_id": task.job.id}}
    begun = walk.get_state(config).values  # type: ignore[arg-type]
    try:
        walk.invoke(None if begun else {"done": []}, config, durability="sync")  # type: ignore[arg-type, call-overload]
    except InterruptedError:
        return False
    return True


def _leave_a_mark(task: Task) -> None:
    """The side effect, as a publisher does one."""
    mark = Path(os.environ[WORLD]) / task.job.id
    key = f"mark/{task.job.id}"
    store = open_store(task.settings)
    try:
        while (effect := store.begin(key, task.job.id)).state is EffectState.BUSY:
            if task.stop.wait(0.5):
                raise InterruptedError
        if effect.state is EffectState.DONE:
            return
        if effect.state is EffectState.NEW or not mark.exists():
            with mark.open("a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(0.02)  # a window to be killed in
        store.complete(key, "left")
    finally:
        store.close()


if __name__ == "__main__":
    settings = ServiceSettings()
    configure_logging(level="INFO")
    die_with_parent()
    if visibility := os.environ.get("PROBE_VISIBILITY_SECONDS"):
        workers.queue.app.visibility_seconds = lambda _hard: int(visibility)
    serve(settings, list(Queue), int(sys.argv[1]), probe)
