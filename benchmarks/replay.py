"""Does a right patch that the model writes reach the user, by default options?

BUGS is a list of bugs (JSON lines, as for `real_bugs`), CHECKOUTS a folder with their clones. In
each case a scripted model looks around, makes the developers' fix, runs the failing tests and
submits: what a capable model would do. Everything else is the product's, by default options
(`--max-seconds` apart): which tests count as
failing (those that fail for other reasons are left in), search beside the model, verdict, choice.
In the last `--issues` cases no test shows the bug: it is told in words, and the model writes the
developers' test first.

*Whole*: the delivered patch makes the file the developers' program. This says nothing about a
model; it says whether the harness stands in its way.

    python -m benchmarks.replay bugs.jsonl ~/clones --output replay.json
    python -m benchmarks.replay bugs.jsonl ~/clones --count 5 --issues 1

Exit code 0 when all were measured, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import sys
from pathlib import Path, PurePosixPath

from agent.records import Budget
from benchmarks.equivalence import same_program
from benchmarks.history import (
    Bug,
    History,
    commit_all,
    export_case,
    find_git_dir,
    parse_with_bugs,
    read_bugs,
)
from benchmarks.product import Answer, ask
from benchmarks.reporting import Journal, Record, conditions, say, table, write_result
from benchmarks.scripted_repairs import only_tests
from benchmarks.scripted_turns import SUBMIT, TESTS, Turn, bash, edit, replacements, text_of, turn
from benchmarks.suite import apply_patch
from sandbox.runners.test_ids import named_file


class Case:
    """One bug, with its script."""

    def __init__(self, bug: Bug, told: bool, options: argparse.Namespace) -> None:
        """`told`: the bug is an issue in words, and the failing tests are left out."""
        self.bug, self.told, self.options = bug, told, options
        self.history = History(find_git_dir(options.checkouts, bug.repo))
        self.folder: Path = options.workdir / "replay" / bug.slug

    def measure(self) -> Record:
        shutil.rmtree(self.folder, ignore_errors=True)
        tree = self.folder / self.bug.repo.partition("/")[2]
        export_case(self.bug, self.history, tree)
        if self.told:
            self._without_its_tests(tree)
        commit_all(tree)
        script = self.folder / "script.jsonl"
        script.write_text("".join(f"{json.dumps(one)}\n" for one in self._turns(tree)))
        issue = ("--issue", self._statement()) if self.told else ()
        answer = ask(
            [
                *(str(tree), "--json", "--sandbox", self.options.sandbox),
                *("--max-seconds", str(self.options.max_seconds)),
                *("--model", f"scripted:{script}", *issue),
            ],
            limit_seconds=self.options.max_seconds,
            variables={"REPAIR_STATE_DIR": str(self.folder / "state")},
        )
        record = self._record(answer, tree)
        if not self.options.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        return record

    def _without_its_tests(self, tree: Path) -> None:
        """The parent's own tests: nothing shows the bug."""
        for path in self.bug.test_side_files:
            content = self.history.show(self.bug.parent, path)
            if content is None:
                (tree / path).unlink()
            else:
                (tree / path).write_bytes(content)

    def _statement(self) -> str:
        """In words, as far as the names of the failing tests tell it."""
        names = {test.rpartition("::")[2].partition("[")[0] for test in self.bug.f2p}
        words = ", ".join(sorted(names)).replace("_", " ")
        return f"In {self.bug.src} this goes wrong: {words}"

    def _turns(self, tree: Path) -> list[Turn]:
        old, new = (
            text_of(self.history.show(commit, self.bug.src))
            for commit in (self.bug.parent, self.bug.fix)
        )
        look = turn(bash(f"grep -n 'def ' {self.bug.src} | head -40"))
        edits = [edit(self.bug.src, *pair) for pair in replacements(old, new)]
        return [
            *(self._writing(tree) if self.told else []),
            look,
            *(turn(one) for one in edits),
            turn(TESTS),
            turn(SUBMIT),
        ]

    def _writing(self, tree: Path) -> list[Turn]:
        """The developers' test, put wherever it may be asked for: only that place counts."""
        path = named_file(self.bug.f2p[0])
        text = only_tests(text_of(self.history.show(self.bug.fix, path)), self.bug.f2p)
        name = f"test_issue_{hashlib.sha256(self._statement().encode()).hexdigest()[:8]}.py"
        names = (file.relative_to(tree).as_posix() for file in tree.rglob("*test*.py"))
        folders = sorted({PurePosixPath(file).parent.as_posix() for file in names})
        (self.folder / name).write_text(text)
        put = f"cat > /tmp/{name} <<'END_OF_TEST'\n{text}END_OF_TEST\n" + "\n".join(
            f"cp /tmp/{name} {folder}/{name}" for folder in folders
        )
        return [turn(bash(put)), turn(TESTS), turn(SUBMIT)]

    def _record(self, answer: Answer, tree: Path) -> Record:
        patch = answer.record.get("patch") or {}
        is_delivered = answer.delivered
        refused = apply_patch(tree, answer.diff) if is_delivered else ""
        wanted = self.history.show(self.bug.fix, self.bug.src) or b""
        program = (tree / self.bug.src).read_bytes()
        return {
            "bug": self.bug.label,
            "issue": self.told,
            "status": answer.record.get("status"),
            "reason": answer.record.get("reason"),
            "exit_code": answer.exit_code,
            "delivered": is_delivered,
            "found_by": (patch.get("candidate") or {}).get("proposer"),
            "whole": is_delivered and not refused and same_program(program, wanted),
            "in_part": answer.in_part,
            "seconds": round(answer.wall_seconds, 1),
            "stage_seconds": answer.record.get("seconds"),
            "diff": answer.diff,
            "output_tail": "" if is_delivered else answer.stderr_tail[-1500:],
        }


def usable(bug: Bug, options: argparse.Namespace) -> bool:
    """Whether its fix can be said in edits: all of it in a file that exists before."""
    history = History(find_git_dir(options.checkouts, bug.repo))
    contents = [history.show(commit, bug.src) for commit in (bug.parent, bug.fix)]
    try:
        list(replacements(*map(text_of, contents)))
    except ValueError:
        return False
    return None not in contents


def figures(records: list[Record]) -> Record:
    return {"cases": len(records)} | {
        kind: sum(record[kind] for record in records) for kind in ("delivered", "whole", "in_part")
    }


def show(records: list[Record]) -> str:
    return table(
        ("bug", "told", "status", "by", "whole", "s"),
        [
            (
                one["bug"],
                "words" if one["issue"] else "tests",
                one["status"],
                one["found_by"] or "",
                "yes" if one["whole"] else "",
                f"{one['seconds']:.0f}",
            )
            for one in records
        ],
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=50, help="cases")
    parser.add_argument("--issues", type=int, default=10, help="of them told in words")
    parser.add_argument(
        "--max-seconds",
        type=float,
        default=Budget().max_seconds,
        help="of a repair; raise it only where other work has the processors",
    )
    parser.add_argument("--keep", action="store_true", help="keep the folders of the runs")
    parser.add_argument(
        "--quick-first",
        action="store_true",
        help="the same cases, those with the quickest test files first: for a run ended early",
    )
    options = parse_with_bugs(parser)
    setting = {"benchmark": "replay", "sandbox": options.sandbox, "seed": options.seed}
    setting["max_seconds"] = options.max_seconds
    stated = conditions(**setting)
    journal = Journal(options.workdir / f"replay-{options.sandbox}-{options.seed}.jsonl")
    held = {(one["bug"], one["issue"]): one for one in journal.open(setting, fresh=options.fresh)}
    bugs = [bug for bug in read_bugs(options.bugs) if usable(bug, options)]
    random.Random(options.seed).shuffle(bugs)
    records: list[Record] = []
    first_told = options.count - options.issues
    cases = [(bug, place >= first_told) for place, bug in enumerate(bugs[: options.count])]
    if options.quick_first:
        cases.sort(key=lambda case: case[0].test_seconds)
    for bug, told in cases:
        if (bug.label, told) not in held:
            load = round(os.getloadavg()[0], 1)
            held[bug.label, told] = Case(bug, told, options).measure() | {"load_at_start": load}
            journal.append(held[bug.label, told])
        record = held[bug.label, told]
        records.append(record)
        say(f"{bug.label}: {record['status']}, whole: {record['whole']}")
        if options.output:  # after each case: a run that is ended early has its result
            result = {"conditions": stated, "figures": figures(records), "cases": records}
            write_result(options.output, result)
    say(show(records))
    say(json.dumps(figures(records), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
