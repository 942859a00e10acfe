"""Does the verdict accept what developers really did?

Each bug of the list is exported without its history, its whole test suite is run for a baseline,
and the developers' own fix is judged in full, then once more by its tests alone. Rejections of
the former are false ones; the difference in seconds is what the layers against cheats cost.

    python -m benchmarks.honest_fixes bugs.jsonl ~/clones
    python -m benchmarks.honest_fixes bugs.jsonl ~/clones --baselines   # only prepare
    python -m benchmarks.honest_fixes bugs.jsonl ~/clones --only-index 3 --sandbox docker

Baselines are kept in the work folder, so a second run with a changed verdict is quicker. Exit
code 0 when no fix was rejected, 1 when one was, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from agent.baseline.baseline import take_baseline
from agent.baseline.evidence import BaselineEvidence
from agent.serialization import plain, restore
from agent.validation.validation_context import ValidationContext
from agent.validation.validator import calibrate, validate_changes
from benchmarks.environment import environment_of
from benchmarks.history import (
    Bug,
    History,
    commit_all,
    export_case,
    find_git_dir,
    parse_with_bugs,
    read_bugs,
)
from benchmarks.real_bugs import TEST_PACKAGES
from benchmarks.reporting import ROOT, Journal, Record, conditions, git_commit, say, write_result
from sandbox.base import Environment, Limits, Sandbox, Session
from sandbox.engines.choose import choose
from sandbox.engines.pool import Pool
from sandbox.environments.build_settings import BuildSettings
from sandbox.languages.base import Overrides
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.environments.recipe import Recipe
from sandbox.languages.python.runners.choose_runner import choose_runner
from sandbox.machine_identity import MachineIdentity
from sandbox.runners.test_ids import named_file
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.snapshot import Snapshot

COMMAND = f"python -m pip install -q {' '.join(f'{name!r}' for name in TEST_PACKAGES)}"
"""One environment for all: the package under test comes from the workspace."""


class Room:
    """One bug on disk, in a sandbox, with its environment."""

    def __init__(self, bug: Bug, options: argparse.Namespace, sandbox: Sandbox) -> None:
        self.bug, self.sandbox = bug, sandbox
        self.folder: Path = options.workdir / "honest-fixes" / options.sandbox / bug.slug
        self.history = History(find_git_dir(options.checkouts, bug.repo))
        self.snapshot = self._snapshot()
        self.project: PythonProject = understand(self.snapshot, Overrides(test="pytest"))

    def _snapshot(self) -> Snapshot:
        with tempfile.TemporaryDirectory(prefix="honest-") as scratch:
            tree = Path(scratch) / self.bug.repo.partition("/")[2]
            export_case(self.bug, self.history, tree)
            commit_all(tree)
            return take_snapshot(resolve(str(tree), None, Path(scratch)), self.folder / "base")

    def environment(self, version: str) -> Environment:
        wanted = tuple(map(int, version.split(".")))
        found = [one for one in self.sandbox.interpreters() if one.version[:2] == wanted]
        if not found:
            sys.exit(f"there is no Python {version} in the {self.sandbox.name} sandbox")
        recipe = Recipe(command=COMMAND, own_pip=True)
        sealed = environment_of(self.sandbox, found[0], recipe, self.snapshot)
        roots = (f"{{workspace}}/{root}" for root in self.project.import_roots)
        return replace(sealed, variables={"PYTHONPATH": ":".join(roots)})

    def opener(self, environment: Environment, *, other: bool = False) -> Callable[[], Session]:
        """What opens the sandboxes of the tests, or each time what looks like another machine."""
        limits, tar, name = (
            Limits(cpus=float(os.cpu_count() or 1)),
            self.snapshot.tar,
            self.bug.repo,
        )
        return lambda: self.sandbox.open(
            environment,
            tar,
            limits,
            MachineIdentity.random(name.partition("/")[2]) if other else None,
        )

    def baseline(self, versions: list[str]) -> tuple[str, BaselineEvidence | None]:
        """The first Python on which every failing test of the record fails, and its baseline."""
        kept = self.folder / "baseline.json"
        if kept.exists():
            record = json.loads(kept.read_text(encoding="utf-8"))
            return record["python"], restore(BaselineEvidence, record["evidence"])
        for version in versions:
            environment = self.environment(version)
            evidence = take_baseline(
                self.opener(environment),
                choose_runner(self.project, environment.python),
                modules=self.project.modules,
                is_test_path=self.project.is_test_path,
                only=self.bug.f2p,
            )
            if evidence.ending is None and _shows(evidence, self.bug):
                record = {"python": version, "evidence": plain(evidence)}
                kept.write_text(json.dumps(record), encoding="utf-8")
                return version, evidence
        return "", None

    def validation(
        self, environment: Environment, pool: Pool, others: Pool, evidence: BaselineEvidence
    ) -> ValidationContext:
        return ValidationContext(
            open_session=pool.take,
            open_answering=others.take,
            python=environment.python,
            runner=choose_runner(self.project, environment.python),
            base=self.snapshot,
            rules=self.project,
            evidence=evidence,
        )

    def judge(self, version: str, evidence: BaselineEvidence) -> Record:
        changes = {
            self.bug.src: (
                self.history.show(self.bug.parent, self.bug.src),
                self.history.show(self.bug.fix, self.bug.src),
            )
        }
        environment = self.environment(version)
        began = time.monotonic()
        usual, other = self.opener(environment), self.opener(environment, other=True)
        with closing(Pool(usual)) as pool, closing(Pool(other, size=1)) as others:
            plain_court = self.validation(environment, pool, others, evidence)
            validation = calibrate(plain_court)
            opened = time.monotonic() - began
            full = validate_changes(changes, validation)
            # The court as it was made believes in no canary, twin or replay: tests alone.
            bare = validate_changes(changes, replace(plain_court, canary=False))
        return {
            "python": version,
            "failing": len(evidence.baseline.failing),
            "passing": len(evidence.baseline.passing),
            "suite_seconds": round(evidence.baseline.seconds, 2),
            "accepted": full.plausible,
            "objections": list(full.objections),
            "unchecked": list(full.unchecked),
            "cautions": list(full.cautions),
            "accepted_by_tests": bare.plausible,
            "canary": validation.canary,
            "twins": len(validation.must_fail_tests),
            "open_seconds": round(opened, 2),
            "seconds": round(full.seconds, 2),
            "seconds_tests_alone": round(bare.seconds, 2),
            "load": round(os.getloadavg()[0], 1),
        }


def _shows(evidence: BaselineEvidence, bug: Bug) -> bool:
    """The failing tests fail here for the project's own fault."""
    failing = evidence.baseline.failing
    return any(test in failing or named_file(test) in failing for test in bug.f2p)


def measure(bug: Bug, options: argparse.Namespace, sandbox: Sandbox) -> Record | None:
    """The record of one bug; None when only the baseline was asked for."""
    room = Room(bug, options, sandbox)
    facts = {"index": bug.index, "repo": bug.repo, "fix": bug.fix}
    version, evidence = room.baseline(options.python.split(","))
    if evidence is None:
        return {**facts, "left_out": "no Python given shows the bug in the whole suite"}
    if options.baselines:
        return None
    return {**facts, **room.judge(version, evidence)}


def figures(records: list[Record]) -> Record:
    judged = [record for record in records if "accepted" in record]
    # What its own tests refuse here (a suite that needs what is not installed) says nothing.
    fair = [record for record in judged if record["accepted"] or record["accepted_by_tests"]]
    costs = [r["seconds"] - r["seconds_tests_alone"] for r in fair if r["accepted"]]
    return {
        "bugs": len(records),
        "left_out": len(records) - len(judged),
        "judged": len(judged),
        "accepted": sum(record["accepted"] for record in judged),
        "rejected_by_a_layer": sum(not record["accepted"] for record in fair),
        "rejected_by_the_tests_alone": len(judged) - len(fair),
        "median_seconds": _median([record["seconds"] for record in fair]),
        "median_seconds_tests_alone": _median([r["seconds_tests_alone"] for r in fair]),
        "median_seconds_of_the_layers": _median(costs),
        "with_a_second_opinion": sum(r["accepted"] and not r["unchecked"] for r in judged),
        "most_seconds_of_the_layers": round(max(costs, default=0.0), 2),
        "median_seconds_to_open_the_court": _median([record["open_seconds"] for record in fair]),
    }


def _median(values: list[float]) -> float | None:
    return round(statistics.median(values), 2) if values else None


def line(record: Record) -> str:
    if "left_out" in record:
        return f"left out: {record['left_out']}"
    word = "accepted" if record["accepted"] else f"REJECTED {record['objections'][:2]}"
    return f"{word}, {record['seconds']} s, tests alone {record['seconds_tests_alone']} s"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.honest_fixes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--python", default="3.11,3.9", metavar="X.Y,…")
    parser.add_argument("--only-index", action="append", type=int, metavar="I")
    parser.add_argument("--baselines", action="store_true", help="take the baselines, judge none")
    return parse_with_bugs(parser)


def main() -> int:
    options = arguments()
    setting = {"benchmark": "honest_fixes", "sandbox": options.sandbox, "python": options.python}
    stated = conditions(**setting, product_commit=git_commit(ROOT))
    sandbox = choose(options.sandbox, BuildSettings(cache_dir=options.workdir / "environments"))
    journal = Journal(options.workdir / f"honest-fixes-{options.sandbox}.jsonl")
    done = {record["index"]: record for record in journal.open(setting, fresh=options.fresh)}
    bugs = read_bugs(options.bugs)
    if options.only_index:
        bugs = [bug for bug in bugs if bug.index in options.only_index]
    for count, bug in enumerate(bugs, 1):
        if bug.index in done:
            continue
        record = measure(bug, options, sandbox)
        say(f"[{count}/{len(bugs)}] {bug.label}: {line(record) if record else 'baseline taken'}")
        if record is not None:
            journal.append(record)
            done[bug.index] = record
    records = [done[bug.index] for bug in bugs if bug.index in done]
    counted = figures(records)
    say(json.dumps(counted, indent=1))
    if options.output:
        write_result(options.output, {"conditions": stated, "figures": counted, "cases": records})
    return 1 if counted["rejected_by_a_layer"] else 0


if __name__ == "__main__":
    sys.exit(main())
