"""How many candidate patches are validated a second: our evaluator, `pytest -x`, and peers.

On each program of a QuixBugs CHECKOUT, for the same time each: our evaluator with one worker and
with one for each CPU; a fresh `pytest -x` for every candidate (the same candidates, one at a
time); and FixKit and PyGGI with their own search, where --fixkit and --pyggi name an interpreter
that has them. A peer's candidate counts when its tests were run, as it does for us.

    python -m benchmarks.throughput ~/QuixBugs --seconds 20
    python -m venv fixkit && fixkit/bin/pip install fixkit && fixkit/bin/pip install sflkit==0.2.16
    git clone https://github.com/coinse/pyggi pyggi-source
    python -m venv pyggi && pyggi/bin/pip install setuptools astor pytest ./pyggi-source
    python -m benchmarks.throughput ~/QuixBugs --fixkit fixkit/bin/python --pyggi pyggi/bin/python

(FixKit 0.0.1 does not import with the newest sflkit; PyGGI on PyPI is another project.)
Exit code 0 when all was measured, 1 when a way of validating failed on every program, 2 for a bad
argument.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agent.baseline.baseline import take_baseline
from agent.baseline.evidence import BaselineEvidence
from agent.config import Settings
from agent.proposers.search.search_setup import evaluator_settings
from benchmarks.mutants import mutants
from benchmarks.quixbugs_cases import NAMES, Case
from benchmarks.reporting import (
    Record,
    conditions,
    every_nth,
    git_commit,
    say,
    table,
    write_result,
)
from sandbox.base import Limits, Session
from sandbox.engines.choose import AnySandbox, choose
from sandbox.languages.base import Overrides
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.project import pytest_addopts
from sandbox.languages.python.environments.prepare import prepare_environment
from sandbox.languages.python.forking_evaluator import ForkingEvaluator
from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.source import SourceEdit, apply_edits

TEST_SECONDS = 10.0
WAYS = ("evaluator", "evaluator_one", "pytest", "fixkit", "pyggi")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A program with its environment, ready to have candidates validated."""

    open_session: Callable[[], Session]
    setup: PytestSetup
    evidence: BaselineEvidence


@contextmanager
def prepared(project: Path, sandbox: AnySandbox) -> Iterator[Prepared]:
    """Prepare a project as `repair` does."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = resolve(str(project), None, Path(scratch) / "checkout")
        snapshot = take_snapshot(tree, Path(scratch) / "snapshot")
        found = understand(snapshot, Overrides())
        built = prepare_environment(sandbox, found, snapshot, lambda _text: None)
        setup = PytestSetup(
            python=built.environment.python,
            args=found.tests.paths,
            addopts=tuple(pytest_addopts(found)),
            import_roots=found.import_roots,
        )
        limits = Limits(cpus=float(os.cpu_count() or 1))

        def open_session() -> Session:
            return sandbox.open(built.environment, built.source, limits)

        evidence = take_baseline(
            open_session,
            PytestRunner(setup),
            modules=found.modules,
            is_test_path=found.is_test_path,
        )
        yield Prepared(open_session=open_session, setup=setup, evidence=evidence)


def with_evaluator(
    ready: Prepared, candidates: Sequence[SourceEdit], seconds: float, workers: int
) -> Record:
    """Hand candidates to one evaluator for a time, over and over; collecting once is counted."""
    settings = evaluator_settings(ready.evidence, ready.setup, workers, list)
    numbered = enumerate(itertools.cycle(candidates))
    done, states = 0, Counter[str]()
    started = time.monotonic()
    with ready.open_session() as session, ForkingEvaluator(session, settings) as evaluator:
        evaluator.wait_ready(TEST_SECONDS * 6)
        while time.monotonic() - started < seconds:
            for number, edit in itertools.islice(numbered, evaluator.window - evaluator.pending):
                evaluator.submit(number, [edit])
            finished = evaluator.collect(1.0)
            done += len(finished)
            states.update(evaluation.state for evaluation in finished)
        spent = time.monotonic() - started
    return {"candidates": done, "seconds": spent, "states": dict(states)}


def plain_python(workdir: Path) -> str:
    """Return an interpreter with pytest and nothing else: plugins would make it start slower."""
    folder = workdir / "plain-pytest"
    python = str(folder / "bin" / "python")
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-I", "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([python, "-I", "-m", "pip", "install", "-q", "pytest"], check=True)
        (folder / "ready").touch()
    return python


def with_pytest(
    python: str, project: Path, program: str, candidates: Sequence[SourceEdit], seconds: float
) -> Record:
    """Write each candidate to disk and start `pytest -x` on it, one at a time."""
    path = project / program
    base = path.read_bytes()
    text = base.decode("utf-8")
    done = 0
    started = time.monotonic()
    try:
        for edit in itertools.cycle(candidates):
            if time.monotonic() - started >= seconds:
                break
            path.write_bytes(apply_edits(text, [edit]).encode("utf-8"))
            argv = [python, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    argv, cwd=project, timeout=TEST_SECONDS, capture_output=True, check=False
                )
            done += 1
    finally:
        path.write_bytes(base)
    return {"candidates": done, "seconds": time.monotonic() - started}


def with_peer(python: Path, script: str, arguments: Sequence[str], seconds: float) -> Record:
    """Run a peer's driver with the interpreter that has the peer."""
    # Isolated: the modules beside the script must not be found before the library's.
    argv = [str(python), "-I", str(Path(__file__).with_name(script)), *arguments]
    with tempfile.TemporaryFile("w+") as said:
        peer = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=said, text=True, start_new_session=True
        )
        try:
            stdout, _ = peer.communicate(timeout=seconds * 4 + 60)
        except subprocess.TimeoutExpired:
            return {"candidates": 0, "seconds": 0.0, "error": "it did not end"}
        finally:
            # A test that it started and that hangs would take a core from all that follows.
            with suppress(ProcessLookupError):
                os.killpg(peer.pid, signal.SIGKILL)
            peer.wait()
        for line in stdout.splitlines():
            if line.startswith("RESULT "):
                answer: Record = json.loads(line.removeprefix("RESULT "))
                return answer
        said.seek(0)
        return {"candidates": 0, "seconds": 0.0, "error": said.read().strip()[-300:]}


def measure(case: Case, options: argparse.Namespace, sandbox: AnySandbox) -> Record:
    """Return candidates and seconds of every way on one program."""
    seconds = options.seconds
    project = case.export(options.workdir / "throughput" / case.name)
    text = (project / case.program).read_bytes().decode("utf-8")
    candidates = mutants(case.program, text)
    record: Record = {"name": case.name, "distinct_candidates": len(candidates)}
    with prepared(project, sandbox) as ready:
        record["evaluator"] = with_evaluator(ready, candidates, seconds, os.cpu_count() or 1)
        record["evaluator_one"] = with_evaluator(ready, candidates, seconds, 1)
    python = plain_python(options.workdir)
    record["pytest"] = with_pytest(python, project, case.program, candidates, seconds)
    if options.fixkit:
        words = [str(project), str(seconds), str(os.cpu_count() or 1)]
        record["fixkit"] = with_peer(options.fixkit, "peer_fixkit.py", words, seconds)
    if options.pyggi:
        words = [str(project), case.program, str(seconds)]
        record["pyggi"] = with_peer(options.pyggi, "peer_pyggi.py", words, seconds)
    return record


def rate(record: Record, way: str) -> float | None:
    """Candidates a second; None where that way did not run."""
    measured = record.get(way)
    if not measured or not measured["seconds"]:
        return None
    return float(measured["candidates"] / measured["seconds"])


def figures(records: list[Record]) -> Record:
    """Return total and median rates, and how many times faster the evaluator is."""
    found: Record = {}
    for way in WAYS:
        ran = [record[way] for record in records if rate(record, way) is not None]
        if not ran:
            continue
        rates = [run["candidates"] / run["seconds"] for run in ran]
        found[way] = {
            "programs": len(ran),
            "candidates_per_second": round(
                sum(run["candidates"] for run in ran) / sum(run["seconds"] for run in ran), 2
            ),
            "median_per_program": round(statistics.median(rates), 2),
        }
    for way in WAYS[2:]:
        both = [record for record in records if rate(record, way)]
        for ours in WAYS[:2]:
            times = [(rate(record, ours) or 0) / (rate(record, way) or 1) for record in both]
            if times:
                found[f"{ours}_over_{way}_median"] = round(statistics.median(times), 1)
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkout", type=Path, help="a work tree of jkoppel/QuixBugs")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each way and program")
    parser.add_argument("--sample", type=int, default=8, help="programs, spread over the 40")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME")
    parser.add_argument("--sandbox", default="bubblewrap", choices=("bubblewrap", "docker"))
    parser.add_argument("--fixkit", type=Path, help="interpreter that has FixKit")
    parser.add_argument("--pyggi", type=Path, help="interpreter that has PyGGI 2.0")
    parser.add_argument(
        "--workdir", type=Path, default=Path(tempfile.gettempdir()) / "repair-benchmarks"
    )
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    options.checkout = options.checkout.resolve()
    options.workdir = options.workdir.resolve()
    for name in ("fixkit", "pyggi"):
        python = getattr(options, name)
        if python and not python.exists():
            parser.error(f"--{name}: there is no {python}")
        # Not resolved: a virtual environment is known by the path of its own link.
        setattr(options, name, python and python.absolute())
    return options


def main() -> int:
    options = arguments()
    stated = conditions(
        benchmark="throughput",
        corpus_commit=git_commit(options.checkout),
        seconds_each=options.seconds,
        sandbox=options.sandbox,
    )
    names = options.only or [NAMES[place] for place in every_nth(len(NAMES), options.sample)]
    sandbox = choose(options.sandbox, Settings().build_settings())
    records = []
    for count, name in enumerate(names, 1):
        records.append(measure(Case(options.checkout, name), options, sandbox))
        rates = {way: rate(records[-1], way) for way in WAYS}
        shown = ", ".join(f"{way} {value:.1f}/s" for way, value in rates.items() if value)
        say(f"[{count}/{len(names)}] {name}: {shown}")
    counted = figures(records)
    rows = [
        (record["name"], *(f"{rate(record, way) or 0:.1f}" for way in WAYS)) for record in records
    ]
    say(table(("program, candidates/s", *WAYS), rows))
    say(json.dumps(counted, indent=1))
    if options.output:
        write_result(options.output, {"conditions": stated, "figures": counted, "cases": records})
    asked = [*WAYS[:3], *(way for way in WAYS[3:] if getattr(options, way))]
    return 1 if any(way not in counted for way in asked) else 0


if __name__ == "__main__":
    sys.exit(main())
