"""Whole repairs of real repositories with a scripted model: does the harness stand what models do?

BUGS is a list of bugs (JSON lines, as for `real_bugs`), CHECKOUTS a folder with their clones. Each
scenario gets a bug of its own. The model's turns are made from the developers' fix when the
script is written, so this says nothing about a model: it says that every tool, malformed
answer, limit, rejection and cheat is handled on real code, and that the fix arrives whole.

    python -m benchmarks.scripted_repairs bugs.jsonl ~/clones --workdir ~/bench
    python -m benchmarks.scripted_repairs bugs.jsonl ~/clones --only "best of two"

Exit code 0 when every scenario ended as it must, 1 when one did not, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.runs.checkpoints import checkpoints
from benchmarks.history import Bug, History, commit_all, export_case, find_git_dir, read_bugs
from benchmarks.product import Answer, ask
from benchmarks.reporting import Journal, Record, conditions, rounded, say, table, write_result
from benchmarks.scripted_scenarios import SCENARIOS, Scenario
from benchmarks.scripted_turns import Material, Turn, bash, text_of, turn
from sandbox.runners.test_ids import named_file

MAX_SECONDS = 300.0
HEADER = ("scenario", "bug", "status", "found by", "turns", "seconds", "as it must")


class Trial:
    """One scenario on one bug."""

    def __init__(self, scenario: Scenario, bug: Bug, options: argparse.Namespace) -> None:
        self.scenario, self.bug, self.options = scenario, bug, options
        self.history = History(find_git_dir(options.checkouts, bug.repo))
        self.folder: Path = options.workdir / "scripted" / bug.slug
        self.state = self.folder / "state"

    def measure(self) -> Record:
        shutil.rmtree(self.folder, ignore_errors=True)
        given = self.folder / self.bug.repo.partition("/")[2]
        export_case(self.bug, self.history, given)
        if self.scenario.reproduce:
            self._without_the_test(given)
        commit_all(given)
        place = self._asked_for(given) if self.scenario.reproduce else ""
        answer = self._repair(given, self.scenario.script(self._material(place)))
        record = self._record(answer)
        if not self.options.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        return record

    def _without_the_test(self, given: Path) -> None:
        """The parent's own tests: nothing shows the bug."""
        for path in self.bug.test_side_files:
            content = self.history.show(self.bug.parent, path)
            if content is not None:
                (given / path).write_bytes(content)

    def _asked_for(self, given: Path) -> str:
        """Where the test must stand: read from what a model is told."""
        self._repair(given, [turn(bash("ls"))])
        (system, *_), *_ = self._conversations(":reproduce")
        words = str(system["content"]).split()
        shutil.rmtree(self.state, ignore_errors=True)
        return next(word for word in words if "test_issue_" in word)

    def _repair(self, given: Path, turns: list[Turn]) -> Answer:
        script = self.folder / "script.jsonl"
        script.write_text("".join(json.dumps(one) + "\n" for one in turns), encoding="utf-8")
        statement = self._problem() if self.scenario.reproduce else self.scenario.issue
        issue = ("--issue", statement) if statement else ()
        only = () if self.scenario.reproduce else self._only()
        return ask(
            [
                *(str(given), "--json", "--sandbox", self.options.sandbox, "--python", "3.11"),
                *("--model", f"scripted:{script}", "--search-seconds", "0"),
                *("--max-seconds", f"{MAX_SECONDS:g}", "--max-candidates", "2000"),
                *(*only, *issue, *self.scenario.options),
            ],
            limit_seconds=MAX_SECONDS,
            variables={"REPAIR_STATE_DIR": str(self.state)},
        )

    def _problem(self) -> str:
        """In words, as far as the names of the failing tests tell it."""
        names = {test.rpartition("::")[2].partition("[")[0] for test in self.bug.f2p}
        return f"In {self.bug.src} this goes wrong: {', '.join(sorted(names)).replace('_', ' ')}"

    def _only(self) -> tuple[str, ...]:
        return tuple(word for test in self.bug.f2p for word in ("--only", test))

    def _material(self, place: str) -> Material:
        show = self.history.show
        test_file = named_file(self.bug.f2p[0])
        return Material(
            src=self.bug.src,
            old=text_of(show(self.bug.parent, self.bug.src)),
            new=text_of(show(self.bug.fix, self.bug.src)),
            test_file=test_file,
            issue_test=place,
            issue_text=only_tests(text_of(show(self.bug.fix, test_file)), self.bug.f2p),
            seed=f"1:{self.bug.fix}",  # the damage of `polish_rate --seed 1`
        )

    def _record(self, answer: Answer) -> Record:
        patch = answer.record.get("patch") or {}
        heard = [m for c in (*self._conversations(), *self._conversations(":reproduce")) for m in c]
        told = "\n".join(str(m["content"]) for m in heard if m["role"] != "assistant")
        missing = [words for words in self.scenario.told if words not in told]
        files = [line[6:] for line in answer.diff.splitlines() if line.startswith("+++ b/")]
        proposer = (patch.get("candidate") or {}).get("proposer")
        wrong = [
            *(f"the model was not told {words!r}" for words in missing),
            *([f"status {answer.record.get('status')}"] if not answer.accepted else []),
            *([f"the patch touches {files}"] if files not in ([], [self.bug.src]) else []),
        ]
        if answer.accepted and proposer != self.scenario.proposer:
            wrong.append(f"found by {proposer}")
        return {
            "scenario": self.scenario.name,
            "bug": self.bug.label,
            "status": answer.record.get("status"),
            "reason": answer.record.get("reason") or answer.stderr_tail[-600:],
            "found_by": proposer,
            "generated_tests": [t["path"] for t in answer.record.get("generated_tests") or ()],
            "turns": sum(m["role"] == "assistant" for m in heard),
            "wall_seconds": rounded(answer.wall_seconds),
            "wrong": wrong,
        }

    def _conversations(self, of: str = "") -> list[list[Mapping[str, Any]]]:
        """The messages of each conversation of the newest run."""
        runs = sorted((self.state / "runs").glob("*/checkpoints.sqlite"))
        found: list[list[Mapping[str, Any]]] = []
        if not runs:
            return found
        with checkpoints(runs[-1]) as saver:
            for number in range(8):
                thread = f"{runs[-1].parent.name}{of}:agent:{number}"
                kept = saver.get_tuple({"configurable": {"thread_id": thread}})
                if kept is not None:
                    found.append(kept.checkpoint["channel_values"]["messages"])
        return found


def only_tests(text: str, wanted: tuple[str, ...]) -> str:
    """A test file without the tests that are not wanted."""
    names = {test.rpartition("::")[2].partition("[")[0] for test in wanted}
    tree = ast.parse(text)
    for holder in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
        holder.body = [
            node
            for node in holder.body
            if not isinstance(node, ast.FunctionDef)
            or not node.name.startswith("test")
            or node.name in names
        ] or [ast.Pass()]
    return ast.unparse(tree) + "\n"


def usable(bug: Bug) -> bool:
    """Small enough for a script, and its failing test a plain function or method."""
    return bug.src.endswith(".py") and len(bug.f2p) <= 6


def chosen(bugs: list[Bug], options: argparse.Namespace) -> list[tuple[Scenario, Bug]]:
    """Each scenario with a bug of its own, in the order of the list."""
    named = (
        [bug for bug in bugs if bug.index in options.bug]
        if options.bug
        else list(filter(usable, bugs))
    )
    if len(named) < len(SCENARIOS):
        named = named * (-(-len(SCENARIOS) // max(len(named), 1)))
    pairs = list(zip(SCENARIOS, named, strict=False))
    return [p for p in pairs if not options.only or p[0].name in options.only]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("bugs", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--sandbox", default="bubblewrap")
    parser.add_argument("--workdir", type=Path, default=Path("~/repair-bench").expanduser())
    parser.add_argument("--only", action="append", default=[], metavar="SCENARIO")
    parser.add_argument("--bug", action="append", type=int, default=[], metavar="INDEX")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--fresh", action="store_true", help="forget an interrupted run")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the runs")
    options = parser.parse_args()
    pairs = chosen(read_bugs(options.bugs), options)
    if not pairs:
        print("no scenario is called that; there are:", *(s.name for s in SCENARIOS), sep="\n  ")
        return 2
    os.environ.setdefault("REPAIR_CACHE_DIR", str(options.workdir / "cache"))
    journal = Journal(options.workdir / "scripted.jsonl")
    setting = {"sandbox": options.sandbox, "bugs": options.bugs.name, "max_seconds": MAX_SECONDS}
    records = {r["scenario"]: r for r in journal.open(setting, fresh=options.fresh)}
    for scenario, bug in pairs:
        if scenario.name not in records:
            record = Trial(scenario, bug, options).measure()
            journal.append(record)
            records[scenario.name] = record
        record = records[scenario.name]
        say(f"{scenario.name}: {record['status']} {'; '.join(record['wrong']) or 'as it must'}")
    kept = [records[scenario.name] for scenario, _ in pairs]
    say(table(HEADER, map(row, kept)))
    if options.output:
        as_must = sum(not r["wrong"] for r in kept)
        totals = {"scenarios": len(kept), "as_they_must": as_must}
        facts = conditions(**setting, scripted_turns="from the developers' fixes")
        write_result(options.output, {"conditions": facts, "totals": totals, "cases": kept})
    return int(any(record["wrong"] for record in kept))


def row(record: Record) -> tuple[object, ...]:
    return (
        record["scenario"],
        record["bug"],
        record["status"],
        record["found_by"],
        record["turns"],
        record["wall_seconds"],
        "yes" if not record["wrong"] else "; ".join(record["wrong"]),
    )


if __name__ == "__main__":
    sys.exit(main())
