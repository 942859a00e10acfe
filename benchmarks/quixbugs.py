"""Repair the 40 Python programs of QuixBugs: `repair evaluate quixbugs`, and its figures.

CHECKOUT is a work tree of github.com/jkoppel/QuixBugs. A patch is *plausible* when all tests pass;
*correct* when, besides, it agrees with the correct version on generated inputs that are in no test.

    python -m benchmarks.quixbugs ~/QuixBugs --sandbox bubblewrap
    python -m benchmarks.quixbugs ~/QuixBugs --sandbox docker --only gcd --only sieve
    python -m benchmarks.quixbugs ~/QuixBugs --run ID   # the rest of an interrupted one
    python -m benchmarks.quixbugs ~/QuixBugs --check    # no repair: is the judgement right?

Exit code 0 when every case was measured, 1 when one could not be answered or graded (or the check
failed), 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.evaluated import Evaluated, cases, claimed_only, evaluate
from benchmarks.quixbugs_cases import NAMES
from benchmarks.reporting import Record, conditions, git_commit, say, table, write_result

UNMEASURED = ("not_answered", "not_graded", "not_replayable", "infrastructure")


def figures(records: Sequence[Record]) -> Record:
    """Return the counts and medians of a run."""
    plausible = [record for record in records if record.get("tests_pass")]
    seconds = [record["seconds"] for record in records]
    return {
        "programs": len(records),
        "plausible": len(plausible),
        "correct": sum(record["outcome"] == "solved" for record in records),
        "identical": sum(bool(record.get("identical")) for record in plausible),
        "claimed_but_not_plausible": claimed_only(records),
        "unmeasured": sum(record["outcome"] in UNMEASURED for record in records),
        "median_seconds": statistics.median(seconds) if seconds else None,
        "total_seconds": round(sum(seconds), 1),
    }


def misjudged(right: Sequence[Record], wrong: Sequence[Record]) -> list[str]:
    """The programs whose known fix is not correct, whose bug passes the tests, or whose bug the
    generated inputs do not show."""
    names = [record["name"] for record in right if record["outcome"] != "solved"]
    for record in wrong:
        seen = record.get("unseen_differing") or not record.get("unseen_inputs")
        if record["outcome"] != "failed" or record.get("tests_pass") or not seen:
            names.append(record["name"])
    return sorted(set(names))


def show(records: Sequence[Record]) -> str:
    return table(
        ("program", "plausible", "correct", "seconds", "why"),
        [
            (
                record["name"],
                "yes" if record.get("tests_pass") else "",
                "yes" if record["outcome"] == "solved" else "",
                f"{record['seconds']:.1f}",
                record["why"][:80],
            )
            for record in records
        ],
    )


def run(options: argparse.Namespace, model: str) -> Evaluated:
    words = ["quixbugs", str(options.checkout), "--model", model, "--sandbox", options.sandbox]
    words += ["--repair-seconds", f"{options.max_seconds:g}", "--parallel", str(options.jobs)]
    words += [word for name in options.only or () for word in ("--only", name)]
    return evaluate(words, options.run)


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
    parser.add_argument("--check", action="store_true", help="judge the known fixes instead")
    parser.add_argument("--run", metavar="ID", help="an interrupted evaluation to go on with")
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    if options.check and options.run:
        parser.error("--check begins two evaluations of its own")
    return options


def check(options: argparse.Namespace) -> int:
    right, wrong = (cases(run(options, model)) for model in ("reference", "buggy"))
    names = misjudged(right, wrong)
    say(f"{len(right) - len(names)} of {len(right)} are judged as they should be {names}")
    return 1 if names else 0


def main() -> int:
    options = arguments()
    if options.check:
        return check(options)
    evaluated = run(options, "none")
    records = cases(evaluated)
    counted = figures(records)
    say(show(records))
    say(json.dumps(counted, indent=1))
    if options.output:
        stated = conditions(
            benchmark="quixbugs",
            kind=evaluated.summary.plan.sandbox,
            corpus_commit=git_commit(options.checkout),
            evaluation=evaluated.summary.plan.run_id,
            max_seconds=evaluated.summary.plan.repair_seconds,
            jobs=evaluated.summary.plan.parallel,
        )
        result = {"conditions": stated, "figures": counted, "cases": records}
        write_result(options.output, result)
    return 1 if counted["unmeasured"] else 0


if __name__ == "__main__":
    sys.exit(main())
