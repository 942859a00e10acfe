"""How many developers' fixes lie in the space of edits, and at which rank on their line.

    python -m benchmarks.reach --bugs real-bugs.jsonl --checkouts FOLDER --quixbugs FOLDER

No test is run: a fix is reached when an edit (or a pair of edits) of the lines the developers
changed gives the same tree as theirs, docstrings and comments left out. For lines they only
added, the edits of the lines on both sides count.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import statistics
import subprocess
import sys
import time
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.proposers.search.catalogue import candidates, combine
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.records import CandidatePatch
from agent.source.module import Module
from benchmarks.fix_target import Case, Target, changed_lines
from benchmarks.reporting import conditions, say, table, write_result

_MAX_FOR_PAIRS = 60
_MAX_LINES = 12
"""Fixes that change more lines than this are looked for at the first of them only."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What the catalogue makes of one case."""

    name: str
    outcome: str
    """`single`, `pair`, `missed`, or `no change` where only comments differ."""
    operator: str = ""
    rank: int = 0
    """From 1, among the candidates of the same line; 0 when not reached by a single edit."""
    per_line: tuple[int, ...] = ()
    milliseconds: tuple[float, ...] = ()
    """To generate and check all candidates, a figure for each line."""
    changed_lines: int = 0


def _tokens(text: str) -> Counter[str]:
    try:
        return Counter(
            token.string
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING)
        )
    except (tokenize.TokenError, SyntaxError):
        return Counter(text.split())


def measure(case: Case) -> Reach:
    """Generate the edits of every changed line and look for the developers' fix."""
    module = Module.parse(case.path, case.before)
    target = Target(case, module)
    lines = changed_lines(case.before, case.after)
    if target.same or not lines:
        return Reach(name=case.name, outcome="no change")
    modules = {case.path: module}
    for path, text in case.siblings:
        try:
            modules[path] = Module.parse(path, text)
        except SyntaxError:
            continue
    context = ProjectContext.build(modules, case.tests)
    return _search(case, module, target, lines, context)


def _search(
    case: Case, module: Module, target: Target, lines: list[int], context: ProjectContext
) -> Reach:
    best: tuple[int, str] | None = None
    counts: list[int] = []
    milliseconds: list[float] = []
    pool: dict[CandidatePatch, None] = {}
    known: dict[int, None] = {}
    for line in lines[:_MAX_LINES]:
        first = module.statement_span(line)[0]
        if first in known:
            continue
        known[first] = None
        started = time.perf_counter()
        found = list(candidates(module, [line], context=context))
        milliseconds.append(round(1000 * (time.perf_counter() - started), 1))
        counts.append(len(found))
        for rank, candidate in enumerate(found, 1):
            pool[candidate] = None
            nearer = best is None or rank < best[0]
            if nearer and target.promising(candidate) and target.equals(target.text(candidate)):
                best = rank, candidate.operator
    outcome, operator = ("single", best[1]) if best else ("missed", "")
    if best is None:
        operator = _pair(case, module, target, list(pool))
        outcome = "pair" if operator else "missed"
    return Reach(
        name=case.name,
        outcome=outcome,
        operator=operator,
        rank=best[0] if best else 0,
        per_line=tuple(counts),
        milliseconds=tuple(milliseconds),
        changed_lines=len(lines),
    )


def _pair(case: Case, module: Module, target: Target, pool: list[CandidatePatch]) -> str:
    """The operators of two edits that make the fix together; empty when there are none.

    Only edits that bring the words of the file nearer to those of the fix are paired.
    """
    wanted, base = _tokens(case.after), _tokens(case.before)
    missing, extra = wanted - base, base - wanted
    helpful: list[tuple[int, CandidatePatch]] = []
    for candidate in pool:
        gain = 0
        for edit in candidate.edits:
            added = _tokens(edit.replacement)
            taken = _tokens(module.text[edit.start : edit.end])
            gain += sum(((added - taken) & missing).values()) - sum(
                ((added - taken) - missing).values()
            )
            gain += sum(((taken - added) & extra).values()) - sum(
                ((taken - added) - extra).values()
            )
        if gain > 0:
            helpful.append((gain, candidate))
    helpful.sort(key=lambda pair: -pair[0])
    chosen = [candidate for _, candidate in helpful[:_MAX_FOR_PAIRS]]
    for index, first in enumerate(chosen):
        for second in chosen[index + 1 :]:
            both = combine(first, second)
            if both and target.promising(both) and target.equals(target.text(both)):
                return both.operator
    return ""


# Where cases come from


def quixbugs(folder: Path) -> Iterator[Case]:
    for right in sorted((folder / "correct_python_programs").glob("*.py")):
        wrong = folder / "python_programs" / right.name
        test = folder / "python_testcases" / f"test_{right.name}"
        if wrong.is_file() and test.is_file():
            yield Case(
                name=right.stem,
                path=wrong.name,
                before=wrong.read_text(),
                after=right.read_text(),
                tests=(test.read_text(),),
            )


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "--git-dir", str(repository), *arguments]
    ended = subprocess.run(command, capture_output=True, check=True)
    return ended.stdout.decode(errors="replace")


def git_folder(checkouts: Path, name: str) -> Path | None:
    """The git folder of `owner/name` below a folder of checkouts."""
    for stem in (name.replace("/", "+"), name.split("/")[1], name):
        for tail in ("repo", ".git", ""):
            folder = checkouts / stem / tail
            if (folder / "HEAD").is_file():
                return folder
    return None


def real_bugs(listing: Path, checkouts: Path) -> Iterator[Case]:
    for row in listing.read_text().splitlines():
        bug: dict[str, Any] = json.loads(row)
        repository = git_folder(checkouts, bug["repo"])
        if repository is None:
            say(f"no checkout of {bug['repo']} below {checkouts}")
            continue
        folder = str(Path(bug["src"]).parent)
        others = _git(repository, "ls-tree", "--name-only", bug["parent"], f"{folder}/").split("\n")
        yield Case(
            name=f"{bug['repo'].split('/')[1]} {bug['fix'][:8]}",
            path=bug["src"],
            before=_git(repository, "show", f"{bug['parent']}:{bug['src']}"),
            after=_git(repository, "show", f"{bug['fix']}:{bug['src']}"),
            tests=tuple(_tests(repository, bug)),
            siblings=tuple(
                (path, _git(repository, "show", f"{bug['parent']}:{path}"))
                for path in others
                if path.endswith(".py") and path != bug["src"]
            ),
        )


def _tests(repository: Path, bug: dict[str, Any]) -> Iterator[str]:
    """The source of the failing test functions."""
    names = {test.rpartition("::")[2].partition("[")[0] for test in bug["f2p"]}
    for path in bug["test_files"]:
        text = _git(repository, "show", f"{bug['fix']}:{path}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name in names:
                yield ast.unparse(node)


def report(title: str, results: Sequence[Reach]) -> dict[str, Any]:
    """Print a table and return the figures."""
    rows = [
        (r.name, r.outcome, r.operator, r.rank or "", r.changed_lines, max(r.per_line, default=0))
        for r in results
    ]
    say(table(("case", "outcome", "operator", "rank", "lines", "most"), rows))
    counts = [count for r in results for count in r.per_line]
    times = sorted(ms for r in results for ms in r.milliseconds)
    ranks = [r.rank for r in results if r.rank]
    outcomes = Counter(r.outcome for r in results)
    figures: dict[str, Any] = {
        "title": title,
        "cases": len(results),
        **{name: outcomes.get(name, 0) for name in ("single", "pair", "missed", "no change")},
        "median_rank": statistics.median(ranks) if ranks else None,
        "in_top_10": sum(rank <= 10 for rank in ranks),
        "median_per_line": statistics.median(counts) if counts else None,
        "median_ms_per_line": statistics.median(times) if times else None,
        "p90_ms_per_line": times[int(0.9 * len(times))] if times else None,
    }
    say(json.dumps(figures))
    return {**figures, "results": [asdict(r) for r in results]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bugs", type=Path, help="real-bugs.jsonl")
    parser.add_argument("--checkouts", type=Path, help="folder of git checkouts")
    parser.add_argument("--quixbugs", type=Path, help="a QuixBugs checkout")
    parser.add_argument("--only", default="", help="part of the name of the cases to measure")
    parser.add_argument("--output", type=Path, help="write the figures as JSON here")
    chosen = parser.parse_args()
    sets: list[dict[str, Any]] = []
    for title, cases in (
        ("quixbugs", quixbugs(chosen.quixbugs) if chosen.quixbugs else ()),
        ("real bugs", real_bugs(chosen.bugs, chosen.checkouts) if chosen.bugs else ()),
    ):
        results = []
        for case in cases:
            if chosen.only in case.name:
                results.append(measure(case))
                sys.stderr.write(f"{results[-1].outcome:9} {case.name}\n")
        if results:
            sets.append(report(title, results))
    if chosen.output:
        write_result(chosen.output, {"conditions": conditions(), "sets": sets})


if __name__ == "__main__":
    main()
