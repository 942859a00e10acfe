"""Is any repository set up by itself, and are its tests found and counted right?

REPOSITORIES is a list (JSON lines: repo, commit, shape, command, passed, failed, skipped): facts
of public repositories, where `command` is the one that the project itself documents, and the
counts are what it gave in a virtual environment made by hand. CHECKOUTS is a folder with a clone
of each. Each is exported as a git work tree of one commit and given to `repair` with no option
that helps it.

*Environment*: the tests ran. *Right*: besides, as many tests pass as by the documented command,
give or take one in fifty (files that only one of the two takes for tests), and no more fail.
Whether a failing set-up is named truthfully a person must say: its sentence stands in the result.

    python -m benchmarks.set_up benchmarks/repositories.jsonl ~/clones --output set-up.json
    python -m benchmarks.set_up benchmarks/repositories.jsonl ~/clones --only pallets/jinja

Exit code 0 when all were measured, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.history import History, commit_all, find_git_dir
from benchmarks.product import Answer, ask
from benchmarks.reporting import Journal, Record, conditions, say, table, write_result

NO_ENVIRONMENT = frozenset(("environment_broken", "no_tests", None))
"""Statuses of a run that came to no tests."""
TOLERANCE = 0.02
"""Share of the documented number of passing tests by which the product's may differ."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One line of the list."""

    repo: str
    """owner/name"""
    commit: str
    shape: str
    command: str
    passed: int
    failed: int
    skipped: int

    @property
    def name(self) -> str:
        return self.repo.partition("/")[2]


def read_repositories(path: Path) -> list[Repository]:
    """Read the list; exit with a sentence where it is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Repository(**json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError) as error:
        sys.exit(f"{path} is no list of repositories: {error}")


def export(repository: Repository, checkouts: Path, folder: Path) -> Path:
    """Write the repository's files at its commit into `folder`, as a git work tree."""
    tree = folder / repository.name
    History(find_git_dir(checkouts, repository.repo)).export(repository.commit, tree)
    commit_all(tree)
    return tree


def counts(record: Mapping[str, object]) -> Record:
    """Return how many tests passed, failed and so on, from a result with ids or with counts."""
    baseline = record.get("baseline")
    found = baseline if isinstance(baseline, dict) else {}
    kinds = ("failing", "passing", "flaky", "skipped", "set_aside")
    whole = found.get("counts") or found  # the lists may be shortened
    return {kind: _count(whole.get(kind)) for kind in kinds}


def _count(value: object) -> int:
    return value if isinstance(value, int) else len(value) if isinstance(value, list | dict) else 0


def is_right(repository: Repository, record: Record) -> bool:
    """Say whether the baseline agrees with the documented command."""
    allowed = max(1, round(TOLERANCE * repository.passed))
    failing = record["failing"] + record["flaky"] + record["set_aside"]
    agrees = abs(record["passing"] - repository.passed) <= allowed
    return bool(agrees and failing <= repository.failed + (allowed if repository.failed else 0))


def measure(repository: Repository, options: argparse.Namespace) -> Record:
    with tempfile.TemporaryDirectory(dir=options.workdir, prefix="set-up-") as scratch:
        tree = export(repository, options.checkouts, Path(scratch))
        answer = ask(
            [
                *(str(tree), "--json", "--sandbox", options.sandbox),
                *("--max-seconds", f"{options.max_seconds:g}", "--max-candidates", "1"),
            ],
            limit_seconds=options.max_seconds,
        )
        shutil.rmtree(tree, ignore_errors=True)
    return {**vars(repository), **_outcome(repository, answer)}


def _outcome(repository: Repository, answer: Answer) -> Record:
    found = counts(answer.record)
    status = answer.record.get("status")
    environment = status not in NO_ENVIRONMENT and bool(found["passing"] or found["failing"])
    return {
        **found,
        "status": status,
        "exit_code": answer.exit_code,
        "reason": answer.record.get("reason"),
        "environment": environment,
        "right": environment and is_right(repository, found),
        "seconds": round(answer.wall_seconds, 1),
        "stage_seconds": answer.record.get("seconds"),
        "output_tail": "" if environment else answer.stderr_tail[-800:],
    }


def figures(records: Sequence[Record]) -> Record:
    seconds = [record["seconds"] for record in records]
    return {
        "repositories": len(records),
        "environment": sum(record["environment"] for record in records),
        "right": sum(record["right"] for record in records),
        "statuses": dict(Counter(str(record["status"]) for record in records)),
        "median_seconds": statistics.median(seconds) if seconds else None,
    }


def show(records: Sequence[Record]) -> str:
    header = ("repository", "shape", "documented", "found", "right", "s", "status")
    return table(
        header,
        [
            (
                record["repo"],
                record["shape"],
                f"{record['passed']}/{record['failed']}",
                f"{record['passing']}/{record['failing']}+{record['set_aside']}",
                "yes" if record["right"] else "",
                f"{record['seconds']:.0f}",
                record["status"],
            )
            for record in records
        ],
    )


def parse_with_repositories(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse a command line over a list of repositories: with its own options and those all of
    them have."""
    parser.add_argument("repositories", type=Path, help="list of repositories, JSON lines")
    parser.add_argument("checkouts", type=Path, help="folder with a clone of each repository")
    parser.add_argument("--sandbox", default="bubblewrap", choices=("bubblewrap", "docker"))
    parser.add_argument("--fresh", action="store_true", help="measure anew what is held already")
    parser.add_argument(
        "--workdir", type=Path, default=Path(tempfile.gettempdir()) / "repair-benchmarks"
    )
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    options.checkouts = options.checkouts.resolve()
    options.workdir = options.workdir.resolve()
    options.workdir.mkdir(parents=True, exist_ok=True)
    return options


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.set_up",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--max-seconds", type=float, default=600.0, help="limit for each")
    parser.add_argument("--only", action="append", metavar="OWNER/NAME")
    return parse_with_repositories(parser)


def main() -> int:
    options = arguments()
    setting = {
        "benchmark": "set_up",
        "sandbox": options.sandbox,
        "max_seconds": options.max_seconds,
    }
    stated = conditions(**setting)
    journal = Journal(options.workdir / f"set-up-{options.sandbox}.jsonl")
    held = {one["repo"]: one for one in journal.open(setting, fresh=options.fresh)}
    repositories = read_repositories(options.repositories)
    chosen = [one for one in repositories if not options.only or one.repo in options.only]
    for position, repository in enumerate(chosen, 1):
        if repository.repo not in held or options.only:
            held[repository.repo] = measure(repository, options)
            journal.append(held[repository.repo])
        record = held[repository.repo]
        word = "right" if record["right"] else f"{record['status']}: {record['reason']}"
        say(f"[{position}/{len(chosen)}] {repository.repo}: {word} ({record['seconds']} s)")
    records = [held[one.repo] for one in chosen]
    say(show(records))
    say(json.dumps(figures(records), indent=1))
    if options.output:
        write_result(
            options.output, {"conditions": stated, "figures": figures(records), "cases": records}
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
