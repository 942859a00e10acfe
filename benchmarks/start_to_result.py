"""How long until the tests of a project have a result, from nothing running, beside plain pytest?

A suite of 25 tests that wait 0.2 s each is run by `pytest` as a user would, and by `repair` in
each sandbox: a session is opened, the files are put in, the tests run, the last result is here.
With the pool a session was opened before it was asked for, as in a repair whose earlier verdict
runs meanwhile. The tests wait, for the Pythons of host and image may be built differently and
computing would compare those. Ways take turns, round by round.

    python -m benchmarks.start_to_result --rounds 7 --output benchmarks/results/start-to-result.json
    python -m benchmarks.start_to_result --rounds 1 --sandbox bubblewrap

Exit code 0 when every way stays under `AIM` times plain pytest, 1 when one does not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.environment import environment_of, plain_environment
from benchmarks.reporting import Record, conditions, say, table, write_result
from sandbox.base import Limits, Session
from sandbox.engines.choose import choose
from sandbox.engines.pool import Pool
from sandbox.environments.build_settings import BuildSettings
from sandbox.languages.python.environments.recipe import Recipe
from sandbox.languages.python.runners.guest_sources import guest_sources
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.runners.base import Outcome
from sandbox.runners.event import Event
from sandbox.runners.restarts import GuestRun, run_with_restarts
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot

AIM = 1.3
TESTS = 25
TEST = """
import time

import pytest


@pytest.mark.parametrize("number", range({tests}))
def test_waits(number):
    time.sleep(0.2)
"""
SETTLE_SECONDS = 2.0
"""The pool opens its sessions behind our back: they are there when it is asked."""

Way = Callable[[], Record]


class NotGreen(Exception):
    """A test of the suite did not pass."""


def plain(python: str, project: Path) -> Record:
    """`pytest` in the project's folder."""
    began = time.monotonic()
    process = subprocess.Popen(
        [python, "-m", "pytest", "-v", "-p", "no:cacheprovider"],
        cwd=project,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    first = None
    with process.stdout as output:
        for line in output:
            if b"PASSED" in line and first is None:
                first = time.monotonic() - began
    if process.wait() or first is None:
        raise NotGreen(f"pytest ended with {process.returncode}")
    return {"first": first, "all": time.monotonic() - began}


def sandboxed(open_session: Callable[[], Session], setup: PytestSetup) -> Record:
    """The same suite in a session that is opened, or taken from a pool, for it."""
    first: list[float] = []

    def listen(event: Event) -> None:
        if event["event"] == "result":
            first.append(time.monotonic() - began)

    guest = GuestRun(
        entry="test_runs.pytest_run",
        sources=guest_sources,
        python=setup.python,
        request=setup.request(),
    )
    began = time.monotonic()
    with open_session() as session:
        report = run_with_restarts(
            session, guest, None, timeout_seconds=300, test_timeout_seconds=60, listener=listen
        )
        ended = time.monotonic() - began
    outcomes = [one.outcome for one in report.results.values()]
    if outcomes != [Outcome.PASSED] * TESTS:
        raise NotGreen(f"{len(report.results)} results: {report.command.stdout[-500:]}")
    return {"first": first[0], "all": ended}


def ways(options: argparse.Namespace, scratch: Path, stack: ExitStack) -> dict[str, Way]:
    project = scratch / "waits"
    project.mkdir()
    (project / "test_waits.py").write_text(TEST.format(tests=TESTS))
    snapshot = take_snapshot(resolve(str(project), None, scratch / "tree"), scratch / "base")
    python = str(plain_environment(scratch / "plain", Recipe().base))
    found: dict[str, Way] = {"pytest": lambda: plain(python, project)}
    for name in options.sandbox or ("docker", "bubblewrap"):
        sandbox = choose(name, BuildSettings(cache_dir=scratch / "cache"))
        environment = environment_of(sandbox, sandbox.interpreters()[0], Recipe(), snapshot)
        setup = PytestSetup(python=environment.python)
        limits = Limits(cpus=float(os.cpu_count() or 1))

        def opened(sandbox=sandbox, environment=environment, limits=limits) -> Session:  # type: ignore[no-untyped-def]
            return sandbox.open(environment, snapshot.tar, limits)

        pool = stack.enter_context(closing(Pool(opened)))
        pool.take().close()  # it opens nothing before it is asked for the first time
        found[name] = lambda opened=opened, setup=setup: sandboxed(opened, setup)  # type: ignore[misc]
        found[f"{name}, pool"] = lambda pool=pool, setup=setup: sandboxed(pool.take, setup)  # type: ignore[misc]
    return found


def figures(rounds: dict[str, list[Record]]) -> Record:
    """Medians, and how many times plain pytest they are."""
    medians = {
        way: {what: statistics.median(one[what] for one in found) for what in ("first", "all")}
        for way, found in rounds.items()
    }
    return {
        way: {
            "median_seconds": round(median["all"], 3),
            "times_pytest": round(median["all"] / medians["pytest"]["all"], 3),
            "median_seconds_to_the_first_test": round(median["first"], 3),
        }
        for way, median in medians.items()
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.start_to_result",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sandbox", action="append", choices=("docker", "bubblewrap"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    stated = conditions(benchmark="start_to_result", rounds=options.rounds, tests=TESTS, aim=AIM)
    with tempfile.TemporaryDirectory(prefix="start-to-result-") as scratch, ExitStack() as stack:
        tried = ways(options, Path(scratch), stack)
        rounds: dict[str, list[Record]] = {way: [] for way in tried}
        for number in range(options.rounds):
            for way, measure in tried.items():
                time.sleep(SETTLE_SECONDS)
                rounds[way].append(measure())
            said = ", ".join(f"{way} {found[-1]['all']:.2f} s" for way, found in rounds.items())
            say(f"round {number + 1}/{options.rounds}: {said}")
    counted = figures(rounds)
    say(table(("way", *counted["pytest"]), [(way, *one.values()) for way, one in counted.items()]))
    if options.output:
        each = {"conditions": stated, "figures": counted, "rounds": rounds}
        write_result(options.output, json.loads(json.dumps(each)))
    return 0 if all(one["times_pytest"] < AIM for one in counted.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
