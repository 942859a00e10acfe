"""A queue of many jobs: what its questions and commands take, and what memory its parts need."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from benchmarks.no_work import a_request, environment_of, started, wait
from benchmarks.reporting import ROOT, Record, rounded, say
from tests.support.services import free_port
from workers.config import ServiceSettings
from workers.records import JobState, Queue
from workers.store.scheduling.presence import Presence
from workers.store.store import Store

TIMES = 5
COMMAND = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, capture_output=True)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Runs a command. In a small process of its own: until it has its program, a child counts the
memory of its parent as its own."""


def measure_long_queue(settings: ServiceSettings, store: Store, length: int) -> Record:
    """With so many queued jobs in the store; those that are missing are submitted."""
    missing = max(0, length - store.counts()[JobState.QUEUED])
    say(f"  filling the queue with {missing:,} jobs")
    began = time.perf_counter()
    with store.transaction() as connection:
        for number in range(missing):
            store.submit_in(connection, a_request(number))
    seconds = time.perf_counter() - began
    say("  looking at the queue")
    return {
        "queued": store.counts()[JobState.QUEUED],
        "submit_in_one_transaction_ms": rounded(1000 * seconds / missing) if missing else None,
        **_questions(store),
        **_memory(settings, store),
        **_commands(settings),
    }


def _questions(store: Store) -> Record:
    """Median milliseconds; listing all is asked once."""
    newest = store.jobs(limit=1)[0].id
    asked: dict[str, Any] = {
        "submit_ms": lambda: store.submit(a_request(0)),
        "list_50_ms": lambda: store.jobs(limit=50),
        "position_of_the_last_ms": lambda: store.position(newest),
        "whose_turn_ms": lambda: store.first(Queue.INTERACTIVE),
        "startable_ms": lambda: store.startable(Queue.INTERACTIVE),
        "counts_ms": store.counts,
        "list_all_ms": lambda: store.jobs(limit=1_000_000),
    }
    figures: Record = {}
    for name, question in asked.items():
        taken = []
        for _ in range(1 if name == "list_all_ms" else TIMES):
            began = time.perf_counter()
            question()
            taken.append(time.perf_counter() - began)
        figures[name] = rounded(1000 * statistics.median(taken))
    return figures


def _memory(settings: ServiceSettings, store: Store) -> Record:
    """MiB (PSS, with children) of each part, once it is up and the page of jobs was shown."""
    port = free_port()
    page = f"http://127.0.0.1:{port}/"
    presence = Presence(store.engine)
    with ExitStack() as stack:
        parts = {
            name: stack.enter_context(started(settings, *argv, REPAIR_LISTEN_PORT=str(port)))
            for name, argv in (
                ("web", ("-m", "workers.web")),
                ("sweeper", ("-m", "workers.queue.sweeper")),
                ("worker", ("-m", "benchmarks.no_work", "idle")),
            )
        }
        wait(lambda: bool(presence.here()))
        wait(lambda: _answers(page))
        for _ in range(TIMES):
            httpx.get(page, timeout=60).raise_for_status()
        time.sleep(2 * settings.sweep_seconds)
        return {f"{name}_mebibytes": rounded(_pss(one.pid), 1) for name, one in parts.items()}


def _answers(page: str) -> bool:
    try:
        return httpx.get(f"{page}healthz", timeout=10).is_success
    except httpx.HTTPError:
        return False


def _pss(pid: int) -> float:
    """Proportional set size of a process and its descendants, in MiB (proc(5))."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own / 1024 + sum(_pss(int(child)) for child in children)


def _commands(settings: ServiceSettings) -> Record:
    """`repair submit` and `repair jobs` as processes, one after the other, start of Python
    included: median seconds, and the most memory (peak RSS, MiB)."""
    target = Path(settings.state_dir) / "target"
    target.mkdir(parents=True, exist_ok=True)
    figures: Record = {}
    for name, words in (
        ("submit", ("submit", str(target))),
        ("jobs", ("jobs",)),
        ("jobs_200", ("jobs", "--limit", "200")),
    ):
        runs = [_command(settings, *words) for _ in range(TIMES)]
        seconds = statistics.median(seconds for seconds, _ in runs)
        figures[f"{name}_command_seconds"] = rounded(seconds)
        figures[f"{name}_command_mebibytes"] = rounded(max(peak for _, peak in runs), 1)
    figures["submit_commands_per_second"] = rounded(1 / figures["submit_command_seconds"])
    return figures


def _command(settings: ServiceSettings, *words: str) -> tuple[float, float]:
    argv = [sys.executable, "-c", COMMAND, sys.executable, "-m", "cli.main", *words]
    ended = subprocess.run(
        argv, env=environment_of(settings), cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, kibibytes = ended.stdout.split()
    return float(seconds), float(kibibytes) / 1024
