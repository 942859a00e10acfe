"""Patches of the search that pass, each judged right or wrong, with what was executed of it.

Every patch of a run that passes the verdict is a sample, not only the one that is announced. Of
QuixBugs, the bug itself (`--seeds 0`) and copies of the correct program with one token swapped
(seeds from 1); of real bugs the parent commit with the tests of the fix. The journal grows by a
line a run; what it holds is not run again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.config import Settings
from agent.graph.context.run_context import RunContext
from agent.graph.patch_confidence import with_confidence, with_strength
from agent.graph.repair_graph import repair_graph
from agent.records import PlausiblePatch
from agent.runs.checkpoints import in_file
from agent.runs.folder import RunFolder
from agent.selection.overfitting.penalty import penalty_of
from agent.serialization import restore
from benchmarks import real_bugs
from benchmarks.equivalence import Equivalence
from benchmarks.history import commit_all, export_case, read_bugs
from benchmarks.mutants import swapped
from benchmarks.oracle import agree
from benchmarks.planted_bugs import lines_of_functions
from benchmarks.product import ask
from benchmarks.quixbugs_cases import NAMES, Case
from benchmarks.reporting import ROOT, Record, say
from benchmarks.suite import apply_patch, run_confined
from sandbox.source import apply_edits

INPUTS = 300
DIRECT_SECONDS = 60.0
"""For one program called directly."""
SEED = 7
Judge = Callable[[str], Record]
"""A diff → `right` (true, false, or null where nobody can say) and `why`."""


@dataclass(frozen=True)
class Given(Case):
    """A QuixBugs program, as it is or with another text."""

    text: str | None = None

    def export(self, folder: Path) -> Path:
        super().export(folder)
        if self.text is not None:
            (folder / self.program).write_text(self.text, encoding="utf-8")
        return folder


def collect_quixbugs(options: argparse.Namespace) -> None:
    for seed in options.seeds:
        for name in options.only or NAMES:
            tag = f"quixbugs-{name}-{seed}"
            case = _given(options.checkout, name, seed)
            if case is None or tag in _held(options.journal):
                continue
            folder = options.workdir / tag
            target = case.export(folder / "given" / name)
            judge = _quixbugs_judge(case, folder / "judged")
            source = "quixbugs planted" if seed else "quixbugs"
            _collect(options, target, [], judge, {"tag": tag, "source": source, "group": name})


def collect_direct(options: argparse.Namespace) -> None:
    """Programs of `benchmarks/confidence_direct.py`, each in a process that can write nothing."""
    held = _held(options.journal)
    options.workdir.mkdir(parents=True, exist_ok=True)
    for name in options.only or NAMES:
        seeds = [seed for seed in options.seeds if f"direct-{name}-{seed}" not in held]
        arguments = [sys.executable, "-m", "benchmarks.confidence_direct"]
        arguments += [str(options.checkout), name, "--seeds", *map(str, seeds)]
        exit_code, output = run_confined(
            arguments,
            cwd=ROOT,
            writable=options.workdir,
            timeout_seconds=DIRECT_SECONDS * len(seeds),
            show=[options.checkout],
            separate_errors=True,
        )
        lines = [line for line in output.splitlines() if line.startswith("{") and line[-1] == "}"]
        with options.journal.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        say(f"{name}: {len(lines)} of {len(seeds)}, exit code {exit_code}")


def _given(checkout: Path, name: str, seed: int) -> Given | None:
    if not seed:
        return Given(checkout, name)
    text = Case(checkout, name).correct.read_text(encoding="utf-8")
    draw = random.Random(f"{seed} {name}")
    edit = swapped(name, text, {draw.choice(lines_of_functions(text))}, draw)
    return None if edit is None else Given(checkout, name, apply_edits(text, [edit]))


def _quixbugs_judge(case: Given, folder: Path) -> Judge:
    def judge(diff: str) -> Record:
        case.export(folder)
        if refused := apply_patch(folder, diff):
            return {"right": None, "why": refused}
        texts = [path.read_text(encoding="utf-8") for path in (case.correct, folder / case.program)]
        said = agree(*texts, case.name, count=INPUTS, seed=SEED)
        known = said is not None and said.compared
        return {"right": not said.differing if said and known else None, "why": f"{INPUTS} inputs"}

    return judge


def collect_real(options: argparse.Namespace) -> None:
    for bug in read_bugs(options.bugs):
        tag = f"real-{bug.slug}"
        if tag in _held(options.journal) or (options.only and bug.index not in options.only):
            continue
        case = real_bugs.Case(bug, options)
        target = options.workdir / tag / "given" / bug.repo.partition("/")[2]
        commit_all(export_case(bug, case.history, target))
        words = [word for test in bug.f2p for word in ("--only", test)]
        words += ["--python", case.target_python]
        facts = {"tag": tag, "source": "real", "group": bug.repo}
        _collect(options, target, words, _real_judge(case), facts)


def _real_judge(case: real_bugs.Case) -> Judge:
    right = {Equivalence.EQUAL: True, Equivalence.DIFFERS: False}

    def judge(diff: str) -> Record:
        said = case.judge(diff)
        equal = said["equivalence"] if said["plausible"] else Equivalence.DIFFERS
        return {"right": right.get(Equivalence(equal)), "why": said.get("why", "its own tests")}

    return judge


def _held(journal: Path) -> set[str]:
    return {record["tag"] for record in read_journal(journal)}


def read_journal(journal: Path) -> list[Record]:
    if not journal.exists():
        return []
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]


def _collect(
    options: argparse.Namespace, target: Path, words: Sequence[str], judge: Judge, facts: Record
) -> None:
    """One run, with a line in the journal whatever comes of it."""
    state = target.parent.parent / "state"
    answer = ask(
        [
            *(str(target), "--json", "--sandbox", "bubblewrap"),
            *("--max-seconds", f"{options.max_seconds:g}", *words),
        ],
        limit_seconds=options.max_seconds,
        variables={"REPAIR_STATE_DIR": str(state)},
    )
    record = {**facts, "status": answer.record.get("status"), "exit_code": answer.exit_code}
    record |= {"seconds": round(answer.wall_seconds, 1), "patches": []}
    for run in sorted((state / "runs").glob("*/job.json")):
        record["patches"] = [{**one, **judge(one["diff"])} for one in patches_of(run.parent)]
    with options.journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    told = [one["right"] for one in record["patches"]]
    say(f"{facts['tag']}: {record['status']}, {record['seconds']} s, right: {told}")
    shutil.rmtree(target.parent.parent, ignore_errors=True)


def patches_of(run: Path) -> Iterator[Record]:
    """The patches of a run in its own order, each with all signs executed."""
    folder = RunFolder(run)
    context = RunContext(
        folder.load_job(),
        folder,
        Settings(state_dir=run.parent.parent),
        lambda _: None,
        threading.Event(),
        in_file(folder.checkpoints),
    )
    with closing(context), context.checkpoints() as saver:
        config = {"configurable": {"thread_id": folder.run_id}}
        state = repair_graph(saver).get_state(config).values  # type: ignore[arg-type]
        found = [restore(PlausiblePatch, one) for one in state.get("plausible", [])]
        if not found:
            return
        validation = context.validation(state)
        sure = [
            with_strength(patch, validation, state, context)
            for patch in with_confidence(found, validation, state, context)
        ]
        for number, patch in enumerate(sure):
            changes = context.prepared(state).changed_files(patch.candidate)
            sources = context.failing_sources(state)
            yield {
                "winner": number == 0,
                "description": patch.candidate.description,
                "diff": patch.diff,
                "signs": None if patch.confidence is None else asdict(patch.confidence.signs),
                "penalty": penalty_of(changes, sources, patch.verdict),
            }
