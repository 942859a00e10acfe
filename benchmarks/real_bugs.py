"""Repair real bugs of public repositories: `repair evaluate fixes`, and each patch that passes
compared with the developers' own.

BUGS is a list of bugs (JSON lines: repo, parent, fix, src, test_files, test_side_files, f2p …),
CHECKOUTS a folder with a clone of each repository. A patch is *plausible* when the evaluation
solves the task with it. It is *equal* when it parses to the developers' program, or when the whole
test suite and recorded calls with changed arguments cannot tell the two apart
(`benchmarks/equivalence.py`).

The whole list takes hours. `--sample K` takes K bugs in an order that is random and always the
same; an interrupted evaluation is gone on with by `--run ID`.

    python -m benchmarks.real_bugs bugs.jsonl ~/clones --output real.json --sample 20
    python -m benchmarks.real_bugs bugs.jsonl ~/clones --output real.json --run ID
    python -m benchmarks.real_bugs bugs.jsonl ~/clones --output check.json --check   # no repair

Exit code 0 when every case was measured, 1 when one could not be answered or graded (or the check
failed), 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agent.evaluation.suites.projects.listed_fixes import task_id
from benchmarks.equivalence import Comparison, Version
from benchmarks.evaluated import Evaluated, cases, claimed_only, evaluate
from benchmarks.history import (
    Bug,
    History,
    export_case,
    find_git_dir,
    import_root,
    parse_with_bugs,
    read_bugs,
)
from benchmarks.reporting import Record, conditions, say, table, write_result
from benchmarks.suite import apply_patch, junit_name, run_suite

SUITE_SECONDS = 300.0
UNMEASURED = ("not_answered", "not_graded", "infrastructure")
TEST_PACKAGES = (
    *("pytest<8", "pytest-mock", "pytest-cov", "hypothesis", "freezegun", "packaging", "pytz"),
    *("python-dateutil", "six", "simplejson", "tzdata", "dateparser", "wcwidth", "pyyaml"),
    *("typing-extensions", "importlib-metadata", "docutils"),
)
"""What the repositories' tests import. Only for our own runs: `repair` builds its environments
from each project's files. The packages under test come from the copy, first on the path."""


def verification_python(workdir: Path, version: str) -> str | None:
    """Return an interpreter with what the tests import, made once; None without that Python."""
    folder = workdir / f"verification-{version}"
    python = str(folder / "bin" / "python")
    if not (folder / "ready").exists():
        found = find_python(version)
        if found is None:
            return None
        say(f"making {folder} with {' '.join(TEST_PACKAGES)}")
        subprocess.run([found, "-I", "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([python, "-I", "-m", "pip", "install", "-q", *TEST_PACKAGES], check=True)
        (folder / "ready").touch()
    return python


def find_python(version: str) -> str | None:
    """Return a Python of that version: on PATH, or where pyenv keeps them."""
    named = shutil.which(f"python{version}")
    kept = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for candidate in ([named] if named else []) + [str(path) for path in kept]:
        ended = subprocess.run([candidate, "-c", ""], capture_output=True, check=False)
        if ended.returncode == 0:
            return candidate
    return None


class Case:
    """One bug with its copies on disk."""

    def __init__(self, bug: Bug, options: argparse.Namespace) -> None:
        self.bug = bug
        self.options = options
        self.history = History(find_git_dir(options.checkouts, bug.repo))
        self.folder = options.workdir / "real-bugs" / bug.slug

        self.target_python, self.python = self._find_python()

    def _find_python(self) -> tuple[str, str]:
        """Return the first Python (version, path) on which the bug shows as its record says."""
        theirs = self.version("theirs", fixed=True)
        for version in self.options.python.split(","):
            self.python = verification_python(self.options.workdir, version) or ""
            if self.python and not self._missing(self.run_tests(theirs)):
                return version, self.python
        sys.exit(f"{self.bug.label}: its tests pass with the fix on no Python given by --python")

    def _missing(self, passed: frozenset[str]) -> list[str]:
        return [name for name in map(junit_name, self.bug.f2p) if name not in passed]

    def version(self, name: str, *, fixed: bool = False) -> Version:
        folder = export_case(self.bug, self.history, self.folder / name, fixed=fixed)
        return Version(folder=folder, import_root=import_root(self.bug, folder))

    def judge(self, diff: str) -> Record:
        """Return whether a patch is plausible, and if so how it compares with the developers'."""
        base, ours = self.version("base"), self.version("ours")
        refused = apply_patch(ours.folder, diff) if diff else ""
        if refused:
            return {**NO_PATCH, "refused": refused}
        verdict = self.tests_verdict(base, ours)
        verdict["touched"] = touched(diff)
        verdict["equivalence"] = "differs"
        if verdict["plausible"]:
            verdict |= self.comparison(base, ours).judge()
        return verdict

    def equivalence(self, diff: str) -> Record:
        """Return how a patch that passes compares with the developers'; remove the copies."""
        ours = self.version("ours")
        refused = apply_patch(ours.folder, diff)
        verdict = {"equivalence": "differs", "refused": refused}
        if not refused:
            verdict = self.comparison(self.version("base"), ours).judge()
        shutil.rmtree(self.folder)
        return verdict

    def tests_verdict(self, base: Version, ours: Version) -> Record:
        before, after = (self.run_tests(version) for version in (base, ours))
        still = self._missing(after)
        broken = sorted(before - after)
        if broken and not still:  # tell flaky tests from broken ones
            broken = sorted((before & self.run_tests(base)) - after - self.run_tests(ours))
        return {
            "plausible": not still and not broken,
            "still_failing": still[:20],
            "broken": broken[:20],
            "tests_passed": len(after),
        }

    def run_tests(self, version: Version) -> frozenset[str]:
        return run_suite(
            version.folder,
            python=self.python,
            targets=self.bug.test_files,
            timeout_seconds=SUITE_SECONDS,
            import_roots=[version.import_root],
            options=["--continue-on-collection-errors"],
        ).passed

    def comparison(self, base: Version | None = None, ours: Version | None = None) -> Comparison:
        """By default the developers' version takes the place of ours."""
        return Comparison(
            base=base or self.version("base"),
            ours=ours or self.version("ours", fixed=True),
            theirs=self.version("theirs", fixed=True),
            source=self.bug.src,
            test_files=self.bug.test_files,
            python=self.python,
            suite_seconds=SUITE_SECONDS,
        )


NO_PATCH: Record = {"plausible": False, "equivalence": "differs"}


def touched(diff: str) -> list[str]:
    """Return the files a patch names."""
    lines = (line for line in diff.splitlines() if line.startswith(("--- a/", "+++ b/")))
    return sorted({line[6:].strip() for line in lines})


def chosen(bugs: list[Bug], options: argparse.Namespace) -> list[Bug]:
    """Apply `--repo` and `--only-index`."""
    if options.repo:
        bugs = [bug for bug in bugs if bug.repo in options.repo]
    if options.only_index:
        bugs = [bug for bug in bugs if bug.index in options.only_index]
    return bugs


def in_order(bugs: list[Bug]) -> list[Bug]:
    """Return the bugs in a random order that depends on nothing but each bug itself."""
    return sorted(bugs, key=lambda bug: hashlib.sha256(bug.fix.encode()).digest())


def figures(records: Sequence[Record]) -> Record:
    """Return the counts and medians of a run; what shows nothing here is no part of a share."""
    replayed = [record for record in records if record["outcome"] != "not_replayable"]
    plausible = [record for record in replayed if record["outcome"] == "solved"]
    kinds = Counter(record.get("equivalence", "unknown") for record in plausible)
    count = len(replayed) or 1
    return {
        "bugs": len(records),
        "not_replayable": len(records) - len(replayed),
        "plausible": len(plausible),
        "plausible_percent": round(100 * len(plausible) / count, 1),
        "equal": kinds["equal"],
        "equal_percent": round(100 * kinds["equal"] / count, 1),
        "differs": kinds["differs"],
        "unknown": kinds["unknown"],
        "claimed_but_not_plausible": claimed_only(replayed),
        "unmeasured": sum(record["outcome"] in UNMEASURED for record in records),
        "statuses": dict(Counter(str(record["status"]) for record in records)),
        "median_seconds": statistics.median(r["seconds"] for r in plausible) if plausible else None,
        "total_seconds": round(sum(record["seconds"] for record in records), 1),
    }


def show(records: Sequence[Record]) -> str:
    return table(
        ("bug", "status", "outcome", "equal", "seconds", "why"),
        [
            (
                record["name"],
                record["status"],
                record["outcome"],
                record.get("equivalence"),
                f"{record['seconds']:.1f}",
                record["why"][:80],
            )
            for record in records
        ],
    )


def run(bugs: Sequence[Bug], options: argparse.Namespace) -> Evaluated:
    model = "reference" if options.check else "none"
    words = ["fixes", str(options.bugs), "--checkouts", str(options.checkouts), "--model", model]
    words += ["--sandbox", options.sandbox, "--repair-seconds", f"{options.max_seconds:g}"]
    words += [word for bug in bugs for word in ("--only", task_id(bug.repo, bug.fix))]
    return evaluate(words, options.run)


def compared(
    evaluated: Evaluated, bugs: Sequence[Bug], options: argparse.Namespace
) -> list[Record]:
    """The cases of an evaluation, those that passed compared with the developers' fixes."""
    by_task = {task_id(bug.repo, bug.fix): bug for bug in bugs}
    answers = evaluated.log.answers
    records = cases(evaluated)
    for record in records:
        if record["outcome"] == "solved":
            diff = answers[record["name"]][0].text
            try:
                record |= Case(by_task[record["name"]], options).equivalence(diff)
            except SystemExit as error:  # it shows on none of the Pythons that it is compared on
                record |= {"equivalence": "unknown", "equivalence_why": str(error)}
            say(f"{record['name']}: {record['equivalence']}")
    return records


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real_bugs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--python",
        default="3.11,3.9",
        metavar="X.Y,…",
        help="Pythons to compare on, first that shows the bug",
    )
    parser.add_argument("--max-seconds", type=float, default=300.0, help="limit for each bug")
    parser.add_argument("--sample", type=int, metavar="K", help="K bugs, always the same")
    parser.add_argument("--repo", action="append", metavar="OWNER/NAME")
    parser.add_argument("--only-index", action="append", type=int, metavar="I")
    parser.add_argument("--check", action="store_true", help="judge the known fixes instead")
    parser.add_argument("--run", metavar="ID", help="an interrupted evaluation to go on with")
    return parse_with_bugs(parser)


def main() -> int:
    options = arguments()
    bugs = read_bugs(options.bugs)
    evaluated = run(in_order(chosen(bugs, options))[: options.sample], options)
    records = compared(evaluated, bugs, options)
    counted = figures(records)
    say(show(records))
    say(json.dumps(counted, indent=1))
    if options.output:
        plan = evaluated.summary.plan
        stated = conditions(
            benchmark="real_bugs",
            kind="check" if options.check else plan.sandbox,
            evaluation=plan.run_id,
            max_seconds=plan.repair_seconds,
        )
        write_result(options.output, {"conditions": stated, "figures": counted, "cases": records})
    if options.check:
        wrong = [r["name"] for r in records if r.get("equivalence") != "equal"]
        say(f"{len(records) - len(wrong)} of {len(records)} are judged as they should be {wrong}")
        return 1 if wrong else 0
    return 1 if counted["unmeasured"] else 0


if __name__ == "__main__":
    sys.exit(main())
