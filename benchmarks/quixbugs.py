"""Repair the 40 Python programs of QuixBugs, and judge every patch by ourselves.

CHECKOUT is a work tree of github.com/jkoppel/QuixBugs. Each program becomes a project folder that
holds only the buggy program and its tests. A patch is *plausible* when `repair` ends as `repaired`
or `plausible`, leaves nothing red, and all tests pass here on a fresh copy; *correct* when,
besides, it agrees with the correct version on generated inputs that are in no test.

    python -m benchmarks.quixbugs ~/QuixBugs --sandbox bubblewrap
    python -m benchmarks.quixbugs ~/QuixBugs --sandbox docker --only gcd --only sieve
    python -m benchmarks.quixbugs ~/QuixBugs --check    # no repair: is our own judgement right?

Exit code 0 when every case was measured, 1 when one ended in an error of infrastructure (or the
check failed), 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from benchmarks.product import ORDINARY_CODES, ask, is_accepted, summary
from benchmarks.quixbugs_cases import NAMES, Case
from benchmarks.reporting import (
    ROOT,
    Journal,
    Record,
    conditions,
    git_commit,
    say,
    table,
    write_result,
)
from benchmarks.suite import apply_patch, run_confined, run_suite, unified_diff

TEST_SECONDS = 60.0
ORACLE_SECONDS = 120.0


def judge(case: Case, diff: str, folder: Path, *, inputs: int, seed: int) -> Record:
    """Apply a patch to a fresh copy; run its tests and compare it with the correct version."""
    case.export(folder)
    refused = apply_patch(folder, diff) if diff else "no patch"
    touched = sorted(
        line[6:].strip() for line in diff.splitlines() if line.startswith(("--- a/", "+++ b/"))
    )
    verdict: Record = {
        "plausible": False,
        "correct": False,
        "identical": False,
        "refused": refused,
        "touched": sorted(set(touched)),
    }
    if refused and diff:
        return verdict
    run = run_suite(folder, python=sys.executable, timeout_seconds=TEST_SECONDS)
    failed = [name for name, outcome in run.outcomes.items() if outcome in ("failed", "error")]
    verdict["plausible"] = run.exit_code == 0 and bool(run.passed) and not failed
    verdict["tests_passed"] = len(run.passed)
    if not verdict["plausible"]:
        verdict["tests_tail"] = run.tail[-500:]
        return verdict
    agreement = agree(case, folder, inputs=inputs, seed=seed)
    verdict["agreement"] = agreement
    whole = bool(agreement.get("compared")) and not agreement.get("unloadable")
    verdict["correct"] = whole and agreement["differing"] == 0
    verdict["identical"] = whole and agreement["not_identical"] == 0
    return verdict


def agree(case: Case, folder: Path, *, inputs: int, seed: int) -> Record:
    """Ask the oracle, in a process of its own that can write nothing but the folder."""
    arguments = [
        *(sys.executable, "-m", "benchmarks.oracle"),
        *(str(case.correct), str(folder / case.program), case.name),
        *("--seed", str(seed), "--count", str(inputs)),
    ]
    if case.testcases:
        arguments += ["--seen", str(case.testcases)]
    exit_code, output = run_confined(
        arguments, cwd=ROOT, writable=folder, timeout_seconds=ORACLE_SECONDS, show=[case.checkout]
    )
    try:
        answer: Record = json.loads(output)
    except ValueError:
        return {"compared": 0, "unloadable": f"the oracle ended with {exit_code}: {output[-300:]}"}
    return answer


def measure(case: Case, options: argparse.Namespace, folder: Path) -> Record:
    """Repair one program and judge the patch."""
    target = case.export(folder / "given" / case.name)
    answer = ask(
        [
            *(str(target), "--json", "--sandbox", options.sandbox),
            *("--max-seconds", f"{options.max_seconds:g}"),
        ],
        limit_seconds=options.max_seconds,
    )
    record: Record = {"name": case.name, **summary(answer)}
    if answer.diff:
        judged = judge(
            case, answer.diff, folder / "judged" / case.name, inputs=options.inputs,
            seed=options.seed,
        )  # fmt: skip
        record |= judged
        record["plausible"] = judged["plausible"] and answer.accepted
        record["correct"] = judged["correct"] and record["plausible"]
    else:
        record |= {"plausible": False, "correct": False, "identical": False}
    return record


def check(case: Case, options: argparse.Namespace, folder: Path) -> Record:
    """Judge the developers' version as if it were our patch, and then the unpatched program."""
    diff = unified_diff(
        (case.checkout / case.program).read_bytes(), case.correct.read_bytes(), case.program
    )
    settings: dict[str, Any] = {"inputs": options.inputs, "seed": options.seed}
    right = judge(case, diff, folder / "right" / case.name, **settings)
    wrong = judge(case, "", folder / "wrong" / case.name, **settings)
    unpatched = agree(case, case.export(folder / "unpatched" / case.name), **settings)
    return {
        "name": case.name,
        "exit_code": 0,
        "fix_plausible": right["plausible"],
        "fix_correct": right["correct"],
        "base_plausible": wrong["plausible"],
        "base_differing": unpatched.get("differing"),
        "compared": right.get("agreement", {}).get("compared"),
        "fine": right["correct"] and not wrong["plausible"] and bool(unpatched.get("differing")),
    }


def run_cases(options: argparse.Namespace, journal: Journal, setting: Record) -> list[Record]:
    """Measure what the journal does not hold yet; return all records, by name."""
    done = {record["name"]: record for record in journal.open(setting, fresh=options.fresh)}
    cases = [Case(options.checkout, name) for name in options.only or NAMES]
    work: Callable[[Case, argparse.Namespace, Path], Record] = check if options.check else measure
    with ThreadPoolExecutor(options.jobs) as pool:
        waiting = {
            pool.submit(work, case, options, options.workdir / journal.path.stem): case
            for case in cases
            if case.name not in done
        }
        for count, future in enumerate(as_completed(waiting), 1):
            record = future.result()
            journal.append(record)
            done[record["name"]] = record
            say(f"[{count}/{len(waiting)}] {line(record)}")
    return [done[case.name] for case in cases]


def line(record: Record) -> str:
    if "fine" in record:
        return f"{record['name']}: {'as it should be' if record['fine'] else f'WRONG {record}'}"
    word = "correct" if record["correct"] else "plausible" if record["plausible"] else "no patch"
    seconds = f"{record['wall_seconds']:.1f} s"
    return f"{record['name']}: {word}, {record['status']}, exit {record['exit_code']}, {seconds}"


def figures(records: list[Record]) -> Record:
    """Return the counts and medians of a run."""
    plausible = [record for record in records if record["plausible"]]
    first = [r["first_plausible_seconds"] or r["wall_seconds"] for r in plausible]
    walls = [record["wall_seconds"] for record in records]
    return {
        "programs": len(records),
        "plausible": len(plausible),
        "correct": sum(record["correct"] for record in records),
        "identical": sum(record["identical"] for record in records),
        "claimed_but_not_plausible": sum(
            is_accepted(record) and not record["plausible"] for record in records
        ),
        "infrastructure_errors": sum(
            record["exit_code"] not in ORDINARY_CODES for record in records
        ),
        "median_seconds_to_first_plausible": statistics.median(first) if first else None,
        "median_wall_seconds": statistics.median(walls) if walls else None,
        "total_wall_seconds": round(sum(walls), 1),
    }


def show(records: list[Record]) -> str:
    header = ("program", "plausible", "correct", "first, s", "wall, s", "tried", "operator")
    return table(
        header,
        [
            (
                record["name"],
                "yes" if record["plausible"] else "",
                "yes" if record["correct"] else "",
                record["first_plausible_seconds"] and f"{record['first_plausible_seconds']:.1f}",
                f"{record['wall_seconds']:.1f}",
                record["candidates_tried"],
                record["operator"],
            )
            for record in records
        ],
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quixbugs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkout", type=Path, help="a work tree of jkoppel/QuixBugs")
    parser.add_argument("--sandbox", default="bubblewrap", choices=("bubblewrap", "docker"))
    parser.add_argument("--max-seconds", type=float, default=120.0, help="limit for each program")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1, help="programs at once")
    parser.add_argument("--inputs", type=int, default=500, help="generated inputs a program")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--check", action="store_true", help="judge the known fixes instead")
    parser.add_argument("--fresh", action="store_true", help="forget an interrupted run")
    parser.add_argument(
        "--workdir", type=Path, default=Path(tempfile.gettempdir()) / "repair-benchmarks"
    )
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    options.checkout = options.checkout.resolve()
    options.workdir = options.workdir.resolve()
    if not (options.checkout / "correct_python_programs").is_dir():
        parser.error(f"{options.checkout} is no QuixBugs checkout: no correct_python_programs")
    return options


def main() -> int:
    options = arguments()
    kind = "check" if options.check else options.sandbox
    setting = {
        "benchmark": "quixbugs",
        "kind": kind,
        "corpus_commit": git_commit(options.checkout),
        "max_seconds": options.max_seconds,
        "jobs": options.jobs,
        "inputs": options.inputs,
        "seed": options.seed,
        "product_commit": git_commit(ROOT),
    }
    stated = conditions(**setting)
    records = run_cases(options, Journal(options.workdir / f"quixbugs-{kind}.jsonl"), setting)
    if options.check:
        wrong = [record["name"] for record in records if not record["fine"]]
        say(f"{len(records) - len(wrong)} of {len(records)} are judged as they should be {wrong}")
        return 1 if wrong else 0
    counted = figures(records)
    say(show(records))
    say(json.dumps(counted, indent=1))
    if options.output:
        result = {"conditions": stated, "figures": counted, "cases": records}
        write_result(options.output, result)
    return 1 if counted["infrastructure_errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
