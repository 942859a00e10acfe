"""Repair real bugs of public repositories, and judge every patch against the developers' own.

BUGS is a list of bugs (JSON lines: repo, parent, fix, src, test_files, test_side_files, f2p …),
CHECKOUTS a folder with a clone of each repository. A case is the parent commit with the tests of
the fix, as a git work tree of one commit. A patch is *plausible* when `repair` ends as `repaired`
or `plausible`, leaves none of the bug's tests red and, on a fresh copy, the bug's tests pass and no
other test of their files that passed before breaks. It is *equal* when it parses to the developers'
program, or when the whole test suite and recorded calls with changed arguments cannot tell the two
apart (`benchmarks/equivalence.py`).

The whole list takes hours, so a result grows: OUTPUT is written after every case, cases it
holds are kept, and `--next K` measures K of those it lacks, in an order that is random and always
the same; so what it holds is at any time a random sample. Each case says when, at which commit and
beside what load it was measured.

    python -m benchmarks.real_bugs bugs.jsonl ~/clones --output real.json
    python -m benchmarks.real_bugs bugs.jsonl ~/clones --output real.json --next 20
    python -m benchmarks.real_bugs bugs.jsonl ~/clones --output real.json --fresh --only-index 3
    python -m benchmarks.real_bugs bugs.jsonl ~/clones --output check.json --check   # no repair

Exit code 0 when every case was measured, 1 when one ended in an error of infrastructure (or the
check failed), 2 for a bad argument.
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
from pathlib import Path

from benchmarks.equivalence import Comparison, Version
from benchmarks.history import (
    Bug,
    History,
    commit_all,
    export_case,
    find_git_dir,
    import_root,
    parse_with_bugs,
    read_bugs,
)
from benchmarks.product import ORDINARY_CODES, ask, is_accepted, summary
from benchmarks.reporting import (
    Record,
    conditions,
    say,
    table,
    write_result,
)
from benchmarks.suite import apply_patch, junit_name, run_suite, unified_diff

SUITE_SECONDS = 300.0
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

    def measure(self) -> Record:
        """Repair, judge, and remove the copies."""
        given = self.folder / "given" / self.bug.repo.partition("/")[2]
        export_case(self.bug, self.history, given)
        commit_all(given)
        answer = ask(
            [
                *(str(given), "--json", "--sandbox", self.options.sandbox),
                *("--max-seconds", f"{self.options.max_seconds:g}"),
                *("--python", self.target_python),
                *(word for test in self.bug.f2p for word in ("--only", test)),
            ],
            limit_seconds=self.options.max_seconds,
        )
        record = {**self.facts(), **summary(answer)}
        record |= self.judge(answer.diff) if answer.diff else NO_PATCH
        record["plausible"] = record["plausible"] and answer.accepted
        shutil.rmtree(self.folder)
        return record

    def check(self) -> Record:
        """Judge the developers' fix as if it were our patch, and the unpatched base."""
        before = self.history.show(self.bug.parent, self.bug.src) or b""
        after = self.history.show(self.bug.fix, self.bug.src) or b""
        right = self.judge(unified_diff(before, after, self.bug.src))
        wrong = self.judge("")
        calls = self.comparison().compare_calls()
        fine = right["plausible"] and right["equivalence"] == "equal" and not wrong["plausible"]
        shutil.rmtree(self.folder)
        return {
            **self.facts(),
            "exit_code": 0,
            "fix": right,
            "base": wrong,
            # The developers' version against itself, as if it were not the same program.
            "calls": vars(calls),
            "fine": fine and calls.differing == 0,
        }

    def facts(self) -> Record:
        bug = self.bug
        return {
            "index": bug.index,
            "repo": bug.repo,
            "fix": bug.fix,
            "src": bug.src,
            "python": self.target_python,
            "changed_lines": bug.changed_lines,
        }

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


def figures(records: list[Record]) -> Record:
    """Return the counts and medians of a run."""
    plausible = [record for record in records if record["plausible"]]
    first = [r["first_plausible_seconds"] or r["wall_seconds"] for r in plausible]
    kinds = Counter(record["equivalence"] for record in plausible)
    count = len(records) or 1
    return {
        "bugs": len(records),
        "plausible": len(plausible),
        "plausible_percent": round(100 * len(plausible) / count, 1),
        "equal": kinds["equal"],
        "equal_percent": round(100 * kinds["equal"] / count, 1),
        "differs": kinds["differs"],
        "unknown": kinds["unknown"],
        "claimed_but_not_plausible": sum(
            is_accepted(record) and not record["plausible"] for record in records
        ),
        "statuses": dict(Counter(str(record["status"]) for record in records)),
        "exit_codes": dict(Counter(str(record["exit_code"]) for record in records)),
        "median_seconds_to_first_plausible": statistics.median(first) if first else None,
        "total_wall_seconds": round(sum(record["wall_seconds"] for record in records), 1),
    }


def show(records: list[Record]) -> str:
    header = ("bug", "lines", "status", "plausible", "equal", "first, s", "wall, s", "tried")
    return table(
        header,
        [
            (
                f"{record['index']} {record['repo']}",
                record["changed_lines"],
                record["status"] or f"exit {record['exit_code']}",
                "yes" if record["plausible"] else "",
                record["equivalence"] if record["plausible"] else "",
                record["first_plausible_seconds"] and f"{record['first_plausible_seconds']:.1f}",
                f"{record['wall_seconds']:.1f}",
                record["candidates_tried"],
            )
            for record in records
        ],
    )


def line(record: Record) -> str:
    if "fine" in record:
        return "as it should be" if record["fine"] else f"WRONG {json.dumps(record)}"
    word = record["equivalence"] if record["plausible"] else "not plausible"
    return f"{record['status']}, exit {record['exit_code']}, {word}, {record['wall_seconds']:.1f} s"


def run_bugs(options: argparse.Namespace, setting: Record) -> list[Record]:
    """Measure what OUTPUT does not hold yet; return all it holds then, in the list's order."""
    held = held_by(options.output, setting)
    bugs = in_order(chosen(read_bugs(options.bugs), options))
    lacking = [bug for bug in bugs if options.fresh or bug.index not in held][: options.next]
    for count, bug in enumerate(lacking, 1):
        at = conditions()
        case = Case(bug, options)
        record = case.check() if options.check else case.measure()
        held[bug.index] = record | {key: at[key] for key in ("date", "commit", "load_at_start")}
        records = [held[index] for index in sorted(held)]
        write_result(options.output, {"conditions": conditions(**setting), **result_of(records)})
        say(f"[{count}/{len(lacking)}] {bug.label}: {line(record)}")
    return [held[index] for index in sorted(held)]


def held_by(output: Path, setting: Record) -> dict[int, Record]:
    """Return the cases of an earlier result; exit where it was measured under other limits."""
    if not output.exists():
        return {}
    earlier = json.loads(output.read_text("utf-8"))
    differing = [key for key in setting if earlier["conditions"].get(key) != setting[key]]
    if differing:
        sys.exit(f"{output} was measured with another {', '.join(differing)}: choose another file")
    return {record["index"]: record for record in earlier["cases"]}


def result_of(records: list[Record]) -> Record:
    counted = {} if any("fine" in record for record in records) else figures(records)
    return {"figures": counted, "cases": records}


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
        help="Pythons to try, first that shows the bug",
    )
    parser.add_argument("--max-seconds", type=float, default=300.0, help="limit for each bug")
    parser.add_argument("--next", type=int, metavar="K", help="K cases that OUTPUT lacks")
    parser.add_argument("--repo", action="append", metavar="OWNER/NAME")
    parser.add_argument("--only-index", action="append", type=int, metavar="I")
    parser.add_argument("--check", action="store_true", help="judge the known fixes instead")
    options = parse_with_bugs(parser)
    if options.output is None:
        parser.error("--output FILE is needed: the result grows in it")
    return options


def main() -> int:
    options = arguments()
    setting = {
        "benchmark": "real_bugs",
        "kind": "check" if options.check else options.sandbox,
        "max_seconds": options.max_seconds,
        "target_python": options.python,
    }
    records = run_bugs(options, setting)
    if options.check:
        wrong = [record["index"] for record in records if not record["fine"]]
        say(f"{len(records) - len(wrong)} of {len(records)} are judged as they should be {wrong}")
        return 1 if wrong else 0
    say(show(records))
    say(json.dumps(figures(records), indent=1))
    odd = [record for record in records if record["exit_code"] not in ORDINARY_CODES]
    return 1 if any(record["status"] != "environment_broken" for record in odd) else 0


if __name__ == "__main__":
    sys.exit(main())
