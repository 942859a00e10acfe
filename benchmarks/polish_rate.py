"""How many near misses are mended without another generation?

The developers' fix of a real bug is damaged by one small edit on the lines it touched, and a
scripted model hands it in, once. What follows is the product's: the verdict rejects it, and small
edits around it are tried for a while. A case counts as *recovered* when such an edit passes the
verdict. The damage is drawn with a seed from token swaps that know nothing of the product's
catalogue (`benchmarks/mutants.py`); a damaged fix that passes anyway is no case.

    python -m benchmarks.polish_rate bugs.jsonl ~/clones --sample 20 --workdir ~/bench

Exit code 0 when every case was measured, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import threading
from collections import Counter
from pathlib import Path

from agent.config import Settings
from agent.events import CandidateValidated, Event, StageStarted
from agent.records import Budget, RepairJob, RepairResult
from agent.run import start
from agent.runs.folder import new_run_id
from benchmarks.history import (
    Bug,
    History,
    commit_all,
    export_case,
    find_git_dir,
    parse_with_bugs,
    read_bugs,
)
from benchmarks.mutants import damaged
from benchmarks.reporting import (
    Journal,
    Record,
    conditions,
    every_nth,
    rounded,
    say,
    table,
    write_result,
)
from benchmarks.scripted_turns import SUBMIT, edit, replacements, text_of, turn
from sandbox.source import apply_edits

POLISH_SECONDS = 30.0
MODELS_EDIT = "the model's edit"
"""Begins the description of its candidates, and of small edits on top of them."""
RECOVERED = "recovered"


def measure(bug: Bug, options: argparse.Namespace) -> Record:
    history = History(find_git_dir(options.checkouts, bug.repo))
    old, new = (text_of(history.show(commit, bug.src)) for commit in (bug.parent, bug.fix))
    text = damaged(old, new, bug.src, f"{options.seed}:{bug.fix}")
    record: Record = {"bug": bug.label}
    if text is None or text == old:
        return {**record, "outcome": "no token of the fix can be swapped"}
    folder = options.workdir / "polish" / bug.slug
    shutil.rmtree(folder, ignore_errors=True)
    given = export_case(bug, history, folder / bug.repo.partition("/")[2])
    commit_all(given)
    script = folder / "script.jsonl"
    calls = [edit(bug.src, before, after) for before, after in replacements(old, text)]
    script.write_text(json.dumps(turn(*calls, SUBMIT)) + "\n", encoding="utf-8")
    watch = Watch()
    result = start(
        _job(bug, given, script, options),
        Settings(state_dir=folder / "state", cache_dir=options.workdir / "cache"),
        watch,
        watch.stop,
    )
    shutil.rmtree(folder, ignore_errors=True)
    record |= {"damage": _difference(new, text), "outcome": _outcome(result, watch.verdicts)}
    patch = result.patch
    if record["outcome"] == RECOVERED and patch and patch.candidate.proposer == "polish":
        record["edit"] = patch.candidate.description
        record["as_the_developers"] = apply_edits(old, patch.candidate.edits) == new
    seconds = result.seconds.get("propose", 0.0) + result.seconds.get("validate", 0.0)
    tried = max(result.candidates_tried - 1, 0)
    return {**record, "small_edits": tried, "seconds": rounded(seconds)}


class Watch:
    """Listens to a repair and stops it when the small edits around the first candidate are over:
    one passed, or proposing goes on without any."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.verdicts: list[bool] = []
        self._stage = ""

    def __call__(self, event: Event) -> None:
        if isinstance(event, CandidateValidated) and MODELS_EDIT not in event.description:
            return  # the search's, which works beside
        if isinstance(event, CandidateValidated):
            self.verdicts.append(event.plausible)
            if event.plausible:
                self.stop.set()
        elif isinstance(event, StageStarted):
            if self.verdicts and event.stage == self._stage == "propose":
                self.stop.set()
            self._stage = event.stage


def _job(bug: Bug, given: Path, script: Path, options: argparse.Namespace) -> RepairJob:
    return RepairJob(
        run_id=new_run_id(),
        target=str(given),
        python="3.11",
        only=bug.f2p,
        sandbox=options.sandbox,
        budget=Budget(max_seconds=600.0, polish_seconds=POLISH_SECONDS),
        model=f"scripted:{script}",
    )


def _outcome(result: RepairResult, verdicts: list[bool]) -> str:
    if verdicts and verdicts[0]:
        return "passes although damaged"
    if any(verdicts):
        return RECOVERED
    return "not recovered" if verdicts else f"no verdict ({result.status})"


def _difference(right: str, wrong: str) -> str:
    """`right` → `wrong`, the line that differs."""
    pairs = zip(right.splitlines(), wrong.splitlines(), strict=False)
    return next((f"{a.strip()} → {b.strip()}" for a, b in pairs if a != b), "")[:200]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=0, help="this many, spread evenly")
    parser.add_argument("--seed", type=int, default=1)
    options = parse_with_bugs(parser)
    bugs = read_bugs(options.bugs)
    chosen = [bugs[index] for index in every_nth(len(bugs), options.sample)]
    setting = {"seed": options.seed, "polish_seconds": POLISH_SECONDS, "bugs": options.bugs.name}
    journal = Journal(options.workdir / "polish.jsonl")
    known = {record["bug"]: record for record in journal.open(setting, fresh=options.fresh)}
    for bug in chosen:
        if bug.label not in known:
            known[bug.label] = measure(bug, options)
            journal.append(known[bug.label])
        say(f"{bug.label}: {known[bug.label]['outcome']}")
    kept = [known[bug.label] for bug in chosen]
    counts = Counter(record["outcome"] for record in kept)
    say(table(("outcome", "cases"), sorted(counts.items())))
    if options.output:
        facts = conditions(**setting, sandbox=options.sandbox)
        write_result(options.output, {"conditions": facts, "totals": counts, "cases": kept})
    return 0


if __name__ == "__main__":
    sys.exit(main())
