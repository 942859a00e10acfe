"""Small fixes in the histories of public repositories, with every edit the catalogue offers.

What `learn_prior` learns from: commits that change few lines of one source file, together with a
test or with a message that speaks of a fix. Each becomes a record: the file before, the words of
the tests that changed, the drafts of one statement, and which of them is what the developers did.
"""

from __future__ import annotations

import ast
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from agent.proposers.search.catalogue import Judged, drafts, judged, window
from agent.proposers.search.equivalence import Unit
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.ingredients.site import DraftEdit
from agent.records import CandidatePatch
from agent.source.module import Module
from benchmarks.fix_target import Case, Target, changed_lines
from sandbox.source import SourceEdit

MAX_CHANGED = 6
"""Lines added and removed in the source file, as git counts them."""
MAX_LINES = 4
"""Changed lines of code, comments left out."""
MAX_WORDS = 12
"""Taken away and brought in; hardly any single edit changes more."""
MAX_CHARACTERS = 60_000
"""Of the source file; larger ones take too long for what they teach."""
MAX_SIBLINGS = 6
SECONDS_A_CASE = 8.0
_COMMITS_READ = 6000
_FIX = re.compile(r"\b(fix(es|ed)?|bug|regression|crash|wrong|incorrect|broken)\b", re.I)
_TEST = re.compile(r"(^|/)(tests?|testing)/|(^|/)(test_[^/]*|[^/]*_tests?|conftest)\.py$")
_ASIDE = re.compile(r"(^|/)(docs?|examples?|benchmarks?|setup\.py|tools|bin|scripts)(/|$)")


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit that looks like a fix of one source file."""

    sha: str
    path: str
    tests: tuple[str, ...]


class Repository:
    """A git directory that is only read."""

    def __init__(self, git_dir: Path) -> None:
        self.git_dir = git_dir

    def run(self, *arguments: str) -> str:
        command = ["git", "--git-dir", str(self.git_dir), *arguments]
        ended = subprocess.run(command, capture_output=True, check=False)
        return ended.stdout.decode(errors="replace") if ended.returncode == 0 else ""

    def fixes(self) -> Iterator[Commit]:
        """Commits that look like fixes, the newest first."""
        listed = self.run(
            "log", "--no-merges", "--no-renames", "--numstat", "--format=@%H %s",
            f"-n{_COMMITS_READ}", "--", "*.py",
        )  # fmt: skip
        for block in listed.split("\n@"):
            head, *rows = block.lstrip("@").splitlines() or [""]
            sha, _, subject = head.partition(" ")
            commit = _as_fix(sha, subject, [row.split("\t") for row in rows if "\t" in row])
            if commit is not None:
                yield commit

    def case(self, commit: Commit) -> Case | None:
        """The case without siblings; None when it is no small change of Python 3 code."""
        before = self.run("show", f"{commit.sha}^:{commit.path}")
        after = self.run("show", f"{commit.sha}:{commit.path}")
        if len(before) > MAX_CHARACTERS:
            return None
        try:
            lines = changed_lines(before, after)
        except (SyntaxError, ValueError):
            return None
        if not lines or len(lines) > MAX_LINES or lines[-1] - lines[0] > 2 * MAX_LINES:
            return None
        tests = tuple(text for path in commit.tests[:3] for text in self._tests(commit.sha, path))
        return Case(name=commit.sha, path=commit.path, before=before, after=after, tests=tests)

    def _tests(self, sha: str, path: str) -> Iterator[str]:
        """Sources of the test functions the commit changes, at most eight of a file."""
        diff = self.run("diff", "-U0", f"{sha}^", sha, "--", path)
        rows: set[int] = set()
        for start, count in re.findall(r"(?m)^@@ .*\+(\d+)(?:,(\d+))? @@", diff):
            rows.update(range(int(start), int(start) + int(count or 1)))
        try:
            tree = ast.parse(self.run("show", f"{sha}:{path}"))
        except (SyntaxError, ValueError):
            return
        found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        touched = [n for n in found if rows & set(range(_first(n), (n.end_lineno or 0) + 1))]
        yield from (ast.unparse(node) for node in touched[:8])

    def siblings(self, commit: Commit) -> dict[str, Module]:
        """Some other source files of the same folder."""
        folder = commit.path.rpartition("/")[0]
        listed = self.run("ls-tree", f"{commit.sha}^", f"{folder}/" if folder else ".")
        found: dict[str, Module] = {}
        for row in listed.splitlines():
            blob, path = row.split()[2], row.partition("\t")[2]
            if path.endswith(".py") and path != commit.path and not _TEST.search(path):
                module = _parsed(self, blob, path)
                if module is not None:
                    found[path] = module
            if len(found) >= MAX_SIBLINGS:
                break
        return found


@lru_cache(maxsize=400)
def _parsed(repository: Repository, blob: str, path: str) -> Module | None:
    text = repository.run("cat-file", "blob", blob)
    try:
        return Module.parse(path, text) if len(text) < MAX_CHARACTERS else None
    except (SyntaxError, ValueError):
        return None


def _first(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _as_fix(sha: str, subject: str, rows: list[list[str]]) -> Commit | None:
    tests = tuple(row[2] for row in rows if _TEST.search(row[2]))
    sources = [row for row in rows if not _TEST.search(row[2])]
    if len(sources) != 1 or not (tests or _FIX.search(subject)):
        return None
    added, removed, path = sources[0]
    if not added.isdigit() or int(added) + int(removed) > MAX_CHANGED or _ASIDE.search(path):
        return None
    return Commit(sha=sha, path=path, tests=tests)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block when it has used that much processor time."""

    def ended(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, ended)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def record_of(case: Case, siblings: Callable[[], dict[str, Module]]) -> dict[str, Any] | None:
    """The first changed statement where one edit is the fix, with all its edits; None if none."""
    module = Module.parse(case.path, case.before)
    target = Target(case, module)
    if target.same or target.words_changed > MAX_WORDS:
        return None
    context = ProjectContext.build({**siblings(), case.path: module}, case.tests)
    seen: set[int] = set()
    for line in changed_lines(case.before, case.after):
        first = module.statement_span(line)[0]
        if first not in seen:
            seen.add(first)
            offered = list(_offered(module, line, context))
            if any(target.promising(p) and target.equals(target.text(p)) for _, p in offered):
                return {"line": line, "drafts": _rows(module, target, offered)}
    return None


Offered: TypeAlias = tuple[tuple[int, ast.stmt | ast.excepthandler, DraftEdit], CandidatePatch]


def _offered(module: Module, line: int, context: ProjectContext) -> Iterator[Offered]:
    for index, statement in enumerate(module.statements_at(line)):
        for draft in drafts(module, statement, context, window(module, statement, [line])):
            edits = tuple(SourceEdit(module.path, *change) for change in draft.changes)
            patch = CandidatePatch(edits=edits, proposer="", operator="", description="", score=0)
            yield (index, statement, draft), patch


def _rows(module: Module, target: Target, offered: list[Offered]) -> list[dict[str, Any]]:
    """Every draft that compiles; `group` is equal for those that mean the same."""
    units: dict[tuple[str, ast.AST], Unit | None] = {}
    meanings: dict[Judged, int] = {}
    rows: list[dict[str, Any]] = []
    for (index, statement, draft), patch in offered:
        key = judged(module, units, draft, statement)
        if key is not None:
            hit = target.promising(patch) and target.equals(target.text(patch))
            rows.append(
                {
                    "statement": index,
                    "operator": draft.operator,
                    "weight": draft.weight,
                    "names": draft.names,
                    "changes": draft.changes,
                    "group": meanings.setdefault(key, len(meanings)),
                    "hit": hit,
                }
            )
    return rows


def collect(git_dir: Path, name: str, most: int, until: float) -> Iterator[dict[str, Any]]:
    """Records of one repository: `most` commits are looked at, until that time."""
    repository = Repository(git_dir)
    looked = 0
    for commit in repository.fixes():
        if looked >= most or time.monotonic() > until:
            break
        try:
            with limited(SECONDS_A_CASE):
                case = repository.case(commit)
                if case is None:
                    continue
                looked += 1
                found = record_of(case, partial(repository.siblings, commit))
        except (TimeoutError, SyntaxError, ValueError, RecursionError):
            continue
        facts = {"repo": name, "commit": commit.sha, "path": case.path, "tests": case.tests}
        yield {**facts, "before": case.before, **found} if found else {"repo": name}
