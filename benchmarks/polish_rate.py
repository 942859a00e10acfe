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
import difflib
import json
import random
import shutil
import sys
import threading
import time
from pathlib import Path

from agent.config import Settings
from agent.events import CandidateValidated, Event
from agent.job import Budget, RepairJob, RepairResult
from agent.run import start
from agent.runs import new_run_id
from benchmarks.common import (
    Journal,
    Record,
    conditions,
    every_nth,
    rounded,
    say,
    table,
    write_result,
)
from benchmarks.history import Bug, History, commit_all, export_case, find_git_dir, read_bugs
from benchmarks.mutants import swapped
from benchmarks.scripted_turns import SUBMIT, edit, replacements, text_of, turn
from sandbox.edit import apply_edits

POLISH_SECONDS = 30.0
SLACK_SECONDS = 45.0
"""For starting the evaluator and for verdicts, after the rejection."""


def damaged(old: str, new: str, path: str, seed: str) -> str | None:
    """The fixed text with one token swapped on a line that the fix wrote; None without one."""
    matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    touched = {
        line + 1
        for tag, _, _, low, high in matcher.get_opcodes()
        if tag != "equal"
        for line in range(low, high)
    }
    made = swapped(path, new, touched, random.Random(seed))
    return None if made is None else apply_edits(new, [made])


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
    began = time.monotonic()
    result, verdicts = _repaired(given, script, folder, bug, options)
    shutil.rmtree(folder, ignore_errors=True)
    found_by = result.patch.candidate.proposer if result.patch else None
    return {
        **record,
        "outcome": _outcome(result, verdicts, found_by),
        "edit": result.patch.candidate.description if found_by == "polish" and result.patch else "",
        "tried": result.candidates_tried,
        "reason": result.reason[:200],
        "wall_seconds": rounded(time.monotonic() - began),
    }


def _outcome(result: RepairResult, verdicts: list[bool], found_by: str | None) -> str:
    if found_by == "polish":
        return "recovered"
    if verdicts and verdicts[0]:
        return "passes although damaged"
    return "not recovered" if verdicts else f"no verdict ({result.status})"


def _repaired(
    given: Path, script: Path, folder: Path, bug: Bug, options: argparse.Namespace
) -> tuple[RepairResult, list[bool]]:
    """Repair until polishing is over; what each verdict said."""
    stop = threading.Event()
    timer = threading.Timer(POLISH_SECONDS + SLACK_SECONDS, stop.set)
    verdicts: list[bool] = []

    def listen(event: Event) -> None:
        if isinstance(event, CandidateValidated):
            verdicts.append(event.plausible)
            if len(verdicts) == 1:
                timer.start()

    job = RepairJob(
        run_id=new_run_id(),
        target=str(given),
        python="3.11",
        only=bug.f2p,
        sandbox=options.sandbox,
        budget=Budget(max_seconds=600.0, search_seconds=0.0, polish_seconds=POLISH_SECONDS),
        model=f"scripted:{script}",
    )
    settings = Settings(state_dir=folder / "state", cache_dir=options.workdir / "cache")
    try:
        return start(job, settings, listen, stop), verdicts
    finally:
        timer.cancel()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bugs", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--sample", type=int, default=0, help="this many, spread evenly")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sandbox", default="bubblewrap")
    parser.add_argument("--workdir", type=Path, default=Path("~/repair-bench").expanduser())
    parser.add_argument("--output", type=Path)
    parser.add_argument("--fresh", action="store_true", help="forget an interrupted run")
    options = parser.parse_args()
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
    counts = {outcome: sum(r["outcome"] == outcome for r in kept) for outcome in _outcomes(kept)}
    say(table(("outcome", "cases"), counts.items()))
    if options.output:
        facts = conditions(**setting, sandbox=options.sandbox)
        write_result(options.output, {"conditions": facts, "totals": counts, "cases": kept})
    return 0


def _outcomes(records: list[Record]) -> list[str]:
    return sorted({record["outcome"] for record in records})


if __name__ == "__main__":
    sys.exit(main())
