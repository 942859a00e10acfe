"""How tests fail, each kind of failure told once, and the code of these tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.proposers.agentic.first_prompt.excerpts import Excerpt, part
from agent.proposers.agentic.first_prompt.problem_facts import ProblemFacts
from agent.proposers.agentic.first_prompt.values import values_told
from agent.proposers.agentic.tools.failure_text import ADDRESS, failure_text
from agent.source.test_sources import definition
from agent.wording import counted
from sandbox.runners.base import TestResult
from sandbox.runners.test_ids import is_doctest, locate
from sandbox.syntax import parse_module

MAX_SHOWN_FAILURES = 5
MAX_SHOWN_NAMES = 12
MAX_SHOWN_TESTS = 4
MAX_HELPERS = 6
_SET_UP = frozenset({"setUp", "setUpClass", "setup_method", "setup_class", "setUpModule"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def failure_blocks(known: ProblemFacts) -> list[str]:
    """One block for each kind of failure, with all the tests that fail so."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for test_id, result in known.failures.items():
        groups.setdefault(_kind(result), []).append(test_id)
    blocks = [_block(test_ids, known) for test_ids in list(groups.values())[:MAX_SHOWN_FAILURES]]
    other_ids = [test_id for ids in list(groups.values())[MAX_SHOWN_FAILURES:] for test_id in ids]
    if other_ids:
        blocks.append(_names("Fail in other ways:", other_ids))
    return blocks


def test_blocks(known: ProblemFacts) -> list[str]:
    """The code of the tests whose failures are told first, with what it stands on."""
    blocks: dict[str, None] = {}
    for test in _tests(known):
        if test.in_source:
            continue  # an example in a docstring: the failure shows it, and the source follows
        blocks[f"{test.path}:\n{test.excerpt.text}"] = None
        blocks.update(dict.fromkeys(_fixture_blocks(test, known)))
    return list(blocks)


def _fixture_blocks(found: _Test, known: ProblemFacts) -> Iterator[str]:
    """What the test takes from each `conftest.py` above it."""
    folder = found.path
    while folder:
        folder = folder.rpartition("/")[0]
        path = f"{folder}/conftest.py".lstrip("/")
        text = known.test_text(path) if path in known.paths else None
        tree = None if text is None else _parsed(text)
        if text is None or tree is None:
            continue
        lines, names = text.split("\n"), set(found.used)
        fixture_lines: dict[int, str] = {}
        for node in _helpers(tree, names, tree):
            fixture_lines |= part(lines, *_span(node), around=())
        if fixture_lines:
            yield f"{path}:\n{Excerpt(lines=fixture_lines).text}"


test_blocks.__test__ = False  # type: ignore[attr-defined]


def test_code(known: ProblemFacts) -> list[str]:
    """The same code without numbers, one piece a test."""
    return [test.code for test in _tests(known)]


test_code.__test__ = False  # type: ignore[attr-defined]


@dataclass(frozen=True)
class _Test:
    path: str
    excerpt: Excerpt
    code: str
    in_source: bool
    used: set[str]
    """Names in it."""


def _kind(result: TestResult) -> tuple[str, str, str]:
    place = result.frames[-1] if result.frames else None
    message = ADDRESS.sub("at 0x…", result.message)
    return result.exception, message, f"{place.path}:{place.line}" if place else ""


def _block(test_ids: Sequence[str], known: ProblemFacts) -> str:
    first, *other_ids = test_ids

    def line_at(path: str, line: int) -> str:
        lines = (known.source_text(path) or known.test_text(path) or "").split("\n")
        return lines[line - 1] if 0 < line <= len(lines) else ""

    text = failure_text(first, known.failures[first], line_at)
    if not other_ids:
        return text
    more = f"{counted(len(other_ids), 'more test')} the same way:"
    return f"{text}\n{_names(more, other_ids)}"


def _names(title: str, test_ids: Sequence[str]) -> str:
    more = len(test_ids) - MAX_SHOWN_NAMES
    text = "".join(f"\n  {test_id}" for test_id in test_ids[:MAX_SHOWN_NAMES])
    return title + text + (f"\n  … and {more} more" if more > 0 else "")


def _tests(known: ProblemFacts) -> Iterator[_Test]:
    """One test for each kind of failure, by file and name."""
    locations: set[tuple[str, tuple[str, ...]]] = set()
    kinds: set[tuple[str, str, str]] = set()
    for test_id, result in known.failures.items():
        path, names = locate(test_id, known.paths)
        if path is None or not names or (path, names) in locations or _kind(result) in kinds:
            continue
        text = known.test_text(path)
        test = None if text is None else _found(path, names, text, result, test_id, known)
        if test is not None:
            locations.add((path, names))
            kinds.add(_kind(result))
            yield test
        if len(locations) == MAX_SHOWN_TESTS:
            return


def _found(
    path: str,
    names: tuple[str, ...],
    text: str,
    result: TestResult,
    test_id: str,
    known: ProblemFacts,
) -> _Test | None:
    if known.language != "Python":
        return _by_lines(path, names, text, result)
    tree = _parsed(text)
    if tree is None:
        return None
    target = definition(tree, names)
    # Of dotted ids those of examples alone lie in source: see `record_with_tests`.
    dotted_in_source = "::" not in test_id and known.source_text(path) is not None
    is_example = dotted_in_source or (target is None and is_doctest(test_id))
    if target is None and is_doctest(test_id):
        names = _in_module(tree, names[-1].split("."))
        target = definition(tree, names) if names else None
    if target is None:
        return None
    lines = text.split("\n")
    failed_at = [frame.line for frame in result.frames if frame.path == path]
    excerpt_lines: dict[int, str] = {}
    for first, last in [_span(target), *_surroundings(tree, names, target)]:
        excerpt_lines |= part(lines, first, last, failed_at)
    code = ast.unparse(target)
    notes = values_told(known, path, failed_at, lines)
    excerpt = Excerpt(lines=excerpt_lines, marked=frozenset(failed_at), notes=notes)
    return _Test(path, excerpt, code, in_source=is_example, used=_names_in(target))


def _by_lines(path: str, names: tuple[str, ...], text: str, result: TestResult) -> _Test:
    """A test of another language: the head of its file, and the lines around its name and around
    those at which it failed."""
    lines = text.split("\n")
    failed_at = [frame.line for frame in result.frames if frame.path == path]
    name_lines = [number for number, line in enumerate(lines, 1) if names[-1] in line][:2]
    excerpt = Excerpt(
        lines=part(lines, 1, len(lines), [*name_lines, *failed_at]), marked=frozenset(failed_at)
    )
    return _Test(path, excerpt, code="", in_source=False, used=set())


def _parsed(text: str) -> ast.Module | None:
    try:
        return parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _in_module(tree: ast.Module, parts: Sequence[str]) -> tuple[str, ...]:
    """The names within a module of the dotted name of its examples."""
    for start in range(len(parts)):
        names = tuple(parts[start:])
        if definition(tree, names) is not None:
            return names
    return ()


def _span(node: ast.AST) -> tuple[int, int]:
    first = getattr(node, "lineno", 1)
    decorators = getattr(node, "decorator_list", [])
    return min([first, *(item.lineno for item in decorators)]), getattr(node, "end_lineno", first)


def _surroundings(
    tree: ast.Module, names: Sequence[str], target: ast.AST
) -> Iterator[tuple[int, int]]:
    """Lines of the file that the test stands on: its class's head and set-up, helpers and
    fixtures that it names, and the imports of those names."""
    used_names = _names_in(target)
    for depth in range(1, len(names)):
        owner = definition(tree, names[:depth])
        if isinstance(owner, ast.ClassDef):
            first, _ = _span(owner)
            yield first, owner.lineno
            for node in owner.body:
                if _serves(node, used_names):
                    used_names |= _names_in(node)
                    yield _span(node)
    for node in _helpers(tree, used_names, target):
        yield _span(node)
    for child in ast.walk(tree):
        if isinstance(child, (ast.Import, ast.ImportFrom)) and _imported(child) & used_names:
            yield from _import_lines(child, used_names)


def _helpers(tree: ast.Module, used: set[str], target: ast.AST) -> list[ast.stmt]:
    """What the names in `used` are in the file, and what these stand on in turn; their names are
    added to `used`."""
    helpers: list[ast.stmt] = []
    while len(helpers) < MAX_HELPERS:
        new = [n for n in tree.body if _defines(n, used) and n is not target and n not in helpers]
        if not new:
            break
        for node in new[: MAX_HELPERS - len(helpers)]:
            used |= _names_in(node)
            helpers.append(node)
    return helpers


def _import_lines(node: ast.Import | ast.ImportFrom, used: set[str]) -> Iterator[tuple[int, int]]:
    """Its first line, and those of the names that are used."""
    yield node.lineno, node.lineno
    for alias in node.names:
        if (alias.asname or alias.name).partition(".")[0] in used:
            yield alias.lineno, alias.lineno


def _serves(node: ast.stmt, used: set[str]) -> bool:
    """Whether a statement of the test's class is needed to read the test."""
    if isinstance(node, _FUNCTIONS):
        return node.name in _SET_UP or (node.name in used and not node.name.startswith("test"))
    return _defines(node, used)


def _defines(node: ast.stmt, used: set[str]) -> bool:
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return node.name in used and not node.name.startswith("test")
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in used for target in node.targets)
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and node.target.id in used
    return False


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return names | ({"*"} if any(alias.name == "*" for alias in node.names) else set())


def _names_in(node: ast.AST) -> set[str]:
    """Names, attributes and parameters under a node; a star import may bind any of them."""
    names = {"*"}
    for child in ast.walk(node):
        for name in ("id", "attr", "arg"):
            value = getattr(child, name, None)
            if isinstance(value, str):
                names.add(value)
    return names
