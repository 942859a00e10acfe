"""Unrepairable failures: tests that end before they reach any code of the project.

A library that moved on breaks the tests that use it, and no patch of the project can mend those.
They must not stand in the way of the failures that one can mend.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping

from agent.source.test_sources import definition
from agent.untrusted_text import printable
from sandbox.languages.coverage import Coverage
from sandbox.runners.base import FAILING, Outcome, TestResult
from sandbox.runners.test_ids import locate
from sandbox.snapshots.snapshot import Snapshot
from sandbox.syntax import parse_module

_CLAIMS = ("AssertionError", "Failed", "ExceptionGroup", "SystemExit", "TestFailed")
"""The last part of the names of exceptions by which a test says what it wants."""


def unrepairable_tests(
    failures: Mapping[str, TestResult],
    ran: Callable[[str], Coverage | None],
    modules: Collection[str],
    snapshot: Snapshot,
) -> dict[str, str]:
    """Test → why no patch of the project's Python code can mend it; the others are left out.

    `ran` gives the project's lines that a test ran, None where that is not known; `modules` are
    the project's top-level modules. A test counts that ran none of the lines, ended with an
    exception that is no claim of its own or not at all, and until then used no name that its file
    has from the project: one that reads a wrong constant runs no line either.
    """
    return {
        test_id: _sentence(result)
        for test_id, result in failures.items()
        if _may_be_foreign(result)
        and _is_empty(ran(test_id))
        and not _uses_project(test_id, result, modules, snapshot)
    }


def _may_be_foreign(result: TestResult) -> bool:
    """Whether it ended with an exception that is no claim of the test, or did not end."""
    if result.outcome is Outcome.TIMED_OUT:
        return True
    has_exception = result.outcome in FAILING - {Outcome.CRASHED} and bool(result.exception)
    return has_exception and not result.exception.endswith(_CLAIMS)


def _sentence(result: TestResult) -> str:
    if result.outcome is Outcome.TIMED_OUT:
        return f"it hangs and runs no code of the project ({_failure_text(result)})"
    return f"it ends before it runs any code of the project ({_failure_text(result)})"


def _failure_text(result: TestResult) -> str:
    return printable(result.message or result.exception)[:150]


def _is_empty(coverage: Coverage | None) -> bool:
    return coverage is not None and not any(coverage.values())


def _uses_project(
    test_id: str, result: TestResult, modules: Collection[str], snapshot: Snapshot
) -> bool:
    """Whether the test names, before it ends, something from the project or made at the top of
    its file; True where that cannot be told."""
    path, names = locate(test_id, snapshot.entries.keys())
    if path is None or not names:
        return True
    try:
        tree = parse_module(snapshot.text(path).text)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return True
    test = definition(tree, names)
    test_lines = [frame.line for frame in result.frames if frame.path == path]
    if test is None or not test_lines:
        return True
    project_names = {*_project_names(tree, modules), *_bound_names(tree)}
    return any(
        isinstance(node, ast.Name) and node.id in project_names and node.lineno <= max(test_lines)
        for node in ast.walk(test)
    )


def _bound_names(tree: ast.Module) -> Iterator[str]:
    """Names that the file binds at its top by anything but an import."""
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
        else:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def _project_names(tree: ast.Module, modules: Collection[str]) -> Iterator[str]:
    """Names that the file has from modules of the project."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                if top in modules:
                    yield alias.asname or top
        elif isinstance(node, ast.ImportFrom) and (
            node.level or (node.module or "").partition(".")[0] in modules
        ):
            yield from (alias.asname or alias.name for alias in node.names)
