"""Are bugs that nobody chose repaired right, in repositories of many shapes, with no option?

REPOSITORIES and CHECKOUTS are those of `benchmarks/set_up.py`; of the repositories whose suite runs
in `--suite-seconds`, `--count` are drawn with `--seed`. In each, one token on one drawn line of a
drawn function is swapped for its like (`benchmarks/mutants.py`, which knows nothing of the search),
and drawn again until one to ten tests notice it. The original is nowhere in what `repair` gets.

*Right*: the patched program parses to the original. Any other accepted patch is *other*: with a
caution or without, its diff stands in the result and a person judges it; an *other* without a
caution is *unmarked*, which must not happen for a patch that is wrong.

    python -m benchmarks.planted_bugs benchmarks/repositories.jsonl ~/clones --output planted.json
    python -m benchmarks.planted_bugs benchmarks/repositories.jsonl ~/clones --seed 7 --count 5

Exit code 0 when all were measured, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.equivalence import same_program
from benchmarks.history import commit_all
from benchmarks.mutants import swapped
from benchmarks.product import Answer, ask
from benchmarks.reporting import Journal, Record, conditions, say, table, write_result
from benchmarks.set_up import (
    Repository,
    export,
    parse_with_repositories,
    read_repositories,
)
from benchmarks.suite import apply_patch
from sandbox.base import Limits, Sandbox
from sandbox.engines.choose import choose
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import SandboxError
from sandbox.languages.base import SessionSetup
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.environments.prepare import prepare_environment
from sandbox.languages.python.runners.choose_runner import choose_runner
from sandbox.runners.base import FAILING, TestReport
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.snapshot import Snapshot
from sandbox.source import apply_edits

DRAWS = 12
"""Swaps tried in one repository before it is left out."""
NOTICED = range(1, 11)
"""How many tests may notice a planted bug."""


@dataclass(frozen=True, kw_only=True)
class Bug:
    """One planted bug."""

    path: str
    line: int
    text: str
    """The whole file with the bug."""
    failing: tuple[str, ...]


@dataclass(frozen=True)
class Suite:
    """A repository's own tests in the product's sandbox, with one file replaced."""

    sandbox: Sandbox
    snapshot: Snapshot
    project: PythonProject
    built: SessionSetup

    @classmethod
    def prepare(cls, sandbox: Sandbox, tree: Path, scratch: Path) -> Suite:
        """Build the environment. Raises SandboxError."""
        snapshot = take_snapshot(resolve(str(tree), None, scratch), scratch / "base")
        project = understand(snapshot)
        built = prepare_environment(sandbox, project, snapshot, lambda _: None)
        return cls(sandbox, snapshot, project, built)

    def run(self, seconds: float, path: str = "", text: str = "") -> TestReport:
        runner = choose_runner(self.project, self.built.environment.python)
        with self.sandbox.open(self.built.environment, self.built.source, Limits()) as session:
            if path:
                session.write(path, text.encode())
            return runner.run(session, None, timeout_seconds=seconds, test_timeout_seconds=10)

    def sources(self) -> dict[str, str]:
        """Path → text of the files that may hold a bug."""
        texts = {}
        for path in self.snapshot.python_files():
            if self.project.is_test_path(path) or self.project.is_config_path(path):
                continue
            if any(path.startswith(root) for root in ("docs/", "examples/", "benchmarks/")):
                continue
            try:
                texts[path] = self.snapshot.text(path).text
                ast.parse(texts[path])
            except (ValueError, SyntaxError):
                texts.pop(path, None)
        return texts


def failing(report: TestReport) -> frozenset[str]:
    tests = {test for test, result in report.results.items() if result.outcome in FAILING}
    return frozenset(tests | set(report.collection_errors))


def lines_of_functions(text: str) -> list[int]:
    """Return the lines of statements in functions, in order, without their docstrings."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node, clean=False) else node.body
            for statement in body:
                found.update(range(statement.lineno, (statement.end_lineno or 0) + 1))
    return sorted(found)


def drawn(sources: dict[str, str], draw: random.Random) -> Iterator[tuple[str, int, str]]:
    """Yield (path, line, text with one token swapped), each line as likely as any other."""
    places = [(path, line) for path in sources for line in lines_of_functions(sources[path])]
    while places:
        path, line = places.pop(draw.randrange(len(places)))
        edit = swapped(path, sources[path], {line}, draw)
        if edit is not None:
            yield path, line, apply_edits(sources[path], [edit])


def plant(suite: Suite, draw: random.Random, seconds: float) -> Bug | str:
    """Return a bug that a few tests notice, or why there is none."""
    base = suite.run(seconds)
    if not base.finished or not base.results:
        return "its tests do not end in time, or there are none"
    red = failing(base)
    tries = zip(range(DRAWS), drawn(suite.sources(), draw), strict=False)
    for _, (path, line, text) in tries:
        report = suite.run(seconds * 2, path, text)
        noticed = failing(report) - red
        if report.finished and not report.collection_errors and len(noticed) in NOTICED:
            return Bug(path=path, line=line, text=text, failing=tuple(sorted(noticed)))
    return f"none of {DRAWS} swaps was noticed by a few tests"


def measure(repository: Repository, options: argparse.Namespace, sandbox: Sandbox) -> Record:
    with tempfile.TemporaryDirectory(dir=options.workdir, prefix="planted-") as folder:
        scratch = Path(folder)
        tree = export(repository, options.checkouts, scratch)
        draw = random.Random(f"{options.seed} {repository.repo}")
        try:
            bug = plant(Suite.prepare(sandbox, tree, scratch), draw, options.suite_seconds)
        except SandboxError as error:
            bug = f"no environment: {str(error).splitlines()[0]}"
        if isinstance(bug, str):
            return {"repo": repository.repo, "left_out": bug}
        original = (tree / bug.path).read_bytes()
        shutil.rmtree(tree / ".git")
        (tree / bug.path).write_text(bug.text, encoding="utf-8", newline="")
        commit_all(tree)
        answer = ask(
            [str(tree), "--json", "--sandbox", options.sandbox],
            limit_seconds=options.limit_seconds,
        )
        return {
            "repo": repository.repo,
            "shape": repository.shape,
            "path": bug.path,
            "line": bug.line,
            "tests": list(bug.failing),
            **graded(answer, tree, bug.path, original),
        }


def graded(answer: Answer, tree: Path, path: str, original: bytes) -> Record:
    """Return what the command said, and whether it is right."""
    patch = answer.record.get("patch") or {}
    verdict = patch.get("verdict") or {}
    cautions = list(verdict.get("cautions") or ())
    accepted = answer.accepted and bool(answer.diff)
    refused = apply_patch(tree, answer.diff) if accepted else ""
    right = accepted and not refused and same_program((tree / path).read_bytes(), original)
    return {
        "status": answer.record.get("status"),
        "reason": answer.record.get("reason"),
        "exit_code": answer.exit_code,
        "accepted": accepted,
        "right": right,
        "other": accepted and not right,
        "unmarked": accepted and not right and not cautions and not verdict.get("unchecked"),
        "cautions": cautions,
        "seconds": round(answer.wall_seconds, 1),
        "diff": answer.diff,
        "output_tail": "" if accepted else answer.stderr_tail[-800:],
    }


def figures(records: list[Record]) -> Record:
    tried = [record for record in records if "left_out" not in record]
    kinds = ("accepted", "right", "other", "unmarked")
    return {"bugs": len(tried)} | {kind: sum(one[kind] for one in tried) for kind in kinds}


def show(records: list[Record]) -> str:
    tried = [record for record in records if "left_out" not in record]
    return table(
        ("repository", "place", "tests", "status", "right", "cautions", "s"),
        [
            (
                one["repo"],
                f"{one['path']}:{one['line']}",
                len(one["tests"]),
                one["status"],
                "yes" if one["right"] else "other" if one["other"] else "",
                len(one["cautions"]),
                f"{one['seconds']:.0f}",
            )
            for one in tried
        ],
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.planted_bugs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20, help="bugs to plant")
    parser.add_argument("--suite-seconds", type=float, default=60.0, help="for one whole suite")
    parser.add_argument("--limit-seconds", type=float, default=420.0, help="for one repair")
    return parse_with_repositories(parser)


def main() -> int:
    options = arguments()
    setting = {"benchmark": "planted_bugs", "sandbox": options.sandbox, "seed": options.seed}
    stated = conditions(**setting)
    journal = Journal(options.workdir / f"planted-{options.sandbox}-{options.seed}.jsonl")
    held = {one["repo"]: one for one in journal.open(setting, fresh=options.fresh)}
    sandbox = choose(options.sandbox, BuildSettings(cache_dir=options.workdir / "environments"))
    order = read_repositories(options.repositories)
    random.Random(options.seed).shuffle(order)
    records: list[Record] = []
    for repository in order:
        if sum("left_out" not in one for one in records) >= options.count:
            break
        if repository.repo not in held:
            held[repository.repo] = measure(repository, options, sandbox)
            journal.append(held[repository.repo])
        record = held[repository.repo]
        records.append(record)
        word = record.get("left_out") or f"{record['status']}, right: {record['right']}"
        say(f"{repository.repo}: {word}")
    say(show(records))
    say(json.dumps(figures(records), indent=1))
    if options.output:
        write_result(
            options.output, {"conditions": stated, "figures": figures(records), "cases": records}
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
