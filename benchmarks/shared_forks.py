"""Do candidates that share a fork end as each would in a fork of its own, and what does it save?

BUGS and CHECKOUTS are those of `benchmarks.real_bugs`. Of each project's first bug in the list: one
token after the other of the file that the fix changes is swapped for its like, and each candidate
is evaluated twice, with a fork each and with forks that are shared. *Differs* names candidates
whose state, failure or outcomes are not the same; what ran out of time is counted apart, since that
depends on the machine. *Shared* is how many candidates did share a fork; *alone because* says why
none can.

    python -m benchmarks.shared_forks bugs.jsonl ~/clones --output shared-forks.json

Exit code 0 when no outcome differs, 1 when one does, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agent.config import Settings
from agent.proposers.search.search_setup import evaluator_settings
from agent.source.token_swaps import token_swaps
from benchmarks.history import Bug, History, commit_all, export_case, find_git_dir, read_bugs
from benchmarks.reporting import Record, conditions, say, table, write_result
from benchmarks.throughput import Prepared, prepared
from sandbox.engines.choose import AnySandbox, choose
from sandbox.errors import SandboxError
from sandbox.evaluation.base import Evaluation
from sandbox.languages.python.forking_evaluator import ForkingEvaluator
from sandbox.source import SourceEdit

READY_SECONDS = 300.0
COLLECT_SECONDS = 600.0


def evaluate(
    ready: Prepared, candidates: Sequence[SourceEdit], members: int
) -> tuple[dict[int, Evaluation], float, str]:
    """Every candidate's evaluation, the seconds of all, collecting once left out, and why no fork
    can be shared."""
    settings = evaluator_settings(ready.evidence, ready.setup, os.cpu_count() or 1, list)
    found: dict[int, Evaluation] = {}
    with (
        ready.open_session() as session,
        ForkingEvaluator(session, replace(settings, members=members)) as evaluator,
    ):
        evaluator.wait_ready(READY_SECONDS)
        started = time.monotonic()
        waiting = list(enumerate(candidates))
        while (waiting or evaluator.pending) and time.monotonic() - started < COLLECT_SECONDS:
            while waiting and evaluator.pending < evaluator.window:
                number, edit = waiting.pop(0)
                evaluator.submit(number, [edit])
            found.update((each.number, each) for each in evaluator.collect(1.0))
        return found, time.monotonic() - started, evaluator.alone_because


def said(evaluation: Evaluation) -> tuple[object, ...]:
    return (
        evaluation.state,
        evaluation.signature,
        dict(evaluation.outcomes),
        evaluation.targets_passed,
    )


def compare(ready: Prepared, candidates: Sequence[SourceEdit]) -> Record:
    """Both ways on the same candidates."""
    alone, alone_seconds, _ = evaluate(ready, candidates, 1)
    shared, shared_seconds, alone_because = evaluate(ready, candidates, 16)
    both = sorted(alone.keys() & shared.keys())
    late = [n for n in both if "timed_out" in (alone[n].state, shared[n].state)]
    differing = [n for n in both if n not in late and said(alone[n]) != said(shared[n])]
    return {
        "candidates": len(both),
        "shared": sum(shared[n].mode == "shared" for n in both),
        "alone_because": alone_because,
        "timed_out": len(late),
        "timed_out_in_one_way_only": sum(alone[n].state != shared[n].state for n in late),
        "differs": [
            {
                "start": candidates[n].start,
                "replacement": candidates[n].replacement,
                "alone": said(alone[n]),
                "shared": said(shared[n]),
            }
            for n in differing
        ],
        "seconds": {"alone": round(alone_seconds, 1), "shared": round(shared_seconds, 1)},
    }


def measure(bug: Bug, options: argparse.Namespace, sandbox: AnySandbox) -> Record:
    """One project. What cannot be set up is left out, with the reason."""
    home = options.workdir / "shared-forks" / bug.slug
    history = History(find_git_dir(options.checkouts, bug.repo))
    folder = export_case(bug, history, home / bug.repo.partition("/")[2])
    commit_all(folder)
    record: Record = {"repo": bug.repo, "fix": bug.fix}
    try:
        text = (folder / bug.src).read_bytes().decode("utf-8")
        with prepared(folder, sandbox) as ready:
            if not ready.evidence.baseline.failing:
                return {**record, "left_out": "no test fails"}
            edits = list(token_swaps(bug.src, text))
            step = max(1, -(-len(edits) // options.candidates))
            return {**record, **compare(ready, edits[::step])}
    except SandboxError as error:
        return {**record, "left_out": str(error)[:300]}
    finally:
        shutil.rmtree(home)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.shared_forks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bugs", type=Path, help="the list of real bugs")
    parser.add_argument("checkouts", type=Path, help="folder of clones")
    parser.add_argument("--candidates", type=int, default=300, help="of each project, at most")
    parser.add_argument("--repo", action="append", help="only this project; may be repeated")
    parser.add_argument("--sandbox", default="bubblewrap", choices=("bubblewrap", "docker"))
    parser.add_argument(
        "--workdir", type=Path, default=Path(tempfile.gettempdir()) / "repair-benchmarks"
    )
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    options.checkouts, options.workdir = options.checkouts.resolve(), options.workdir.resolve()
    return options


def main() -> int:
    options = arguments()
    stated = conditions(
        benchmark="shared_forks", candidates=options.candidates, sandbox=options.sandbox
    )
    first: dict[str, Bug] = {}
    for bug in read_bugs(options.bugs):
        if not options.repo or bug.repo in options.repo:
            first.setdefault(bug.repo, bug)
    sandbox = choose(options.sandbox, Settings().build_settings())
    records = []
    for count, bug in enumerate(first.values(), 1):
        records.append(measure(bug, options, sandbox))
        say(f"[{count}/{len(first)}] {json.dumps(records[-1])[:400]}")
    measured = [record for record in records if "left_out" not in record]
    counted: Record = {
        "projects": len(measured),
        "candidates": sum(record["candidates"] for record in measured),
        "shared": sum(record["shared"] for record in measured),
        "differing": sum(len(record["differs"]) for record in measured),
        "timed_out_in_one_way_only": sum(r["timed_out_in_one_way_only"] for r in measured),
    }
    header = ("project", "candidates", "shared", "differ", "alone, s", "shared, s")
    rows = [
        (
            record["repo"],
            record["candidates"],
            record["shared"],
            len(record["differs"]),
            record["seconds"]["alone"],
            record["seconds"]["shared"],
        )
        for record in measured
    ]
    say(table(header, rows))
    say(json.dumps(counted, indent=1))
    if options.output:
        write_result(options.output, {"conditions": stated, "figures": counted, "cases": records})
    return 1 if counted["differing"] else 0


if __name__ == "__main__":
    sys.exit(main())
