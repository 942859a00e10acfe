"""The documents name files, folders and symbols that are there."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import pytest

from tests.support.documents import TOP, Document, document, documents

PACKAGES = ("cli", "workers", "agent", "sandbox")
FOLDERS = (*PACKAGES, "action", "benchmarks", "docker", "docs", "examples", "installation", "tests")
"""What a path of this repository begins with."""
_PATH = re.compile(r"^[\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|json|jsonl|md|yaml|toml|sh|Dockerfile))$")
_NAMES = r"((?:`\w+`(?:\s*\([^)`]*\))?(?:,\s+|\s+and\s+|\s+or\s+)?)+)"
_OF = re.compile(_NAMES + r"\s*of\s+`([\w/.-]+\.py)`")
_IN = re.compile(r"`([\w/.-]+\.py)`\s+\(((?:`\w+`(?:,\s+)?)+)\)")
_OF_USERS = ("docker/github.env", "docs/CONTRIBUTING.md")
"""What users make, or have in repositories of their own."""
_OF_TARGETS = {"conftest.py", "setup.py", "manage.py", "noxfile.py", "runtests.py", "logging.py"}
_OF_TARGETS |= {"types.py", "venv.py", "pytest.py", "random.py", "numpy.py", "_version.py", "a.py"}
_OF_TARGETS |= {"Calc.py", "calc.py", "test_calc.py"}
"""Names that the documents use for files of the repository under repair."""


@cache
def _files() -> frozenset[str]:
    """Of the checkout, without what was built."""
    found = [*TOP.glob("*"), *(path for name in FOLDERS for path in (TOP / name).rglob("*"))]
    kept = (path for path in found if path.is_file() and path.parent.name != "__pycache__")
    return frozenset(path.relative_to(TOP).as_posix() for path in kept)


@cache
def _exists(path: str) -> bool:
    """Whether it is a file, or the beginning (`/` at its end) of the path of one."""
    return path in _files() or any(file.startswith(path.rstrip("/") + "/") for file in _files())


@cache
def _ending_in(path: str) -> tuple[str, ...]:
    return tuple(file for file in _files() if f"/{file}".endswith(f"/{path}"))


@cache
def _symbols(path: str) -> frozenset[str]:
    """Names that a module defines anywhere: functions, classes, variables, fields, parameters."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((TOP / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return frozenset(found)


def _symbols_named(text: str) -> Iterator[tuple[str, str]]:
    """(name, path) as in "`a` and `b` of `path.py`", or "`path.py` (`a`, `b`)"."""
    pairs = [(path, names) for names, path in _OF.findall(text)] + _IN.findall(text)
    for path, names in pairs:
        for name in re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", names)):
            yield name, path


@pytest.mark.parametrize("one", documents(), ids=lambda one: one.name)
def test_paths_in_code_spans_exist(one: Document) -> None:
    for span in one.spans:
        if not _PATH.match(span) or span in _OF_USERS or "NAME" in span:
            continue
        if span.split("/")[0] in FOLDERS and "/" in span.rstrip("/"):
            assert _exists(span), span
        elif span.endswith(".py") and span not in _OF_TARGETS:
            assert _ending_in(span), span


@pytest.mark.parametrize("one", documents(), ids=lambda one: one.name)
def test_symbols_are_in_the_module_that_is_named_with_them(one: Document) -> None:
    for name, path in _symbols_named(one.prose):
        modules = [path] if path in _files() else _ending_in(path)
        assert any(name in _symbols(module) for module in modules), f"{name} of {path}"


def test_the_search_for_symbols_finds_them() -> None:
    text = "`one` (it), `two` and `three` of\n`a/b.py`; `c.py` (`four`, `five`)"
    named = set(_symbols_named(text))
    assert named >= {("two", "a/b.py"), ("three", "a/b.py"), ("four", "c.py"), ("five", "c.py")}
    assert len(set(_symbols_named(document("CONTRIBUTING.md").prose))) > 20


def test_designs_folders_are_the_folders() -> None:
    block = document("docs/design.md").block_after("## The folders").splitlines()
    told, top = defaultdict[str, set[str]](set), ""
    for line in block:
        if not line.startswith(" "):
            top = line.split("/")[0]
        elif match := re.match(r"(?:  |    \| )(\w+)/", line):
            told[top].add(match[1])
    there = {
        top: {path.split("/")[1] for path in _files() if _is_below(path, top)} for top in PACKAGES
    }
    assert {top: told[top] for top in PACKAGES} == there


def _is_below(path: str, top: str) -> bool:
    return path.startswith(f"{top}/") and path.count("/") > 1


def test_what_designs_folders_hold_is_there() -> None:
    top = ""
    for line in document("docs/design.md").block_after("## The folders").splitlines():
        top = top if line.startswith(" ") else line.split("/")[0]
        for name in re.findall(r"(?<![\w.])([\w/]+(?:/(?!\w)|\.py))", line):
            hits = [f for f in _files() if f"/{name}" in f"/{f}" and f.startswith(f"{top}/")]
            assert hits, f"{name} below {top}"


def test_folders_of_many_modules_are_those_that_the_rules_name() -> None:
    rule = document("CONTRIBUTING.md").text.partition("- **At most twelve modules a folder**")[2]
    told = set(re.findall(r"`([\w/]+)/`", rule.partition("\n- **")[0]))
    counts = defaultdict[str, int](int)
    for path in _files():
        folder, _, name = path.rpartition("/")
        counts[folder] += name != "__init__.py" and folder.split("/")[0] in FOLDERS
    assert {folder for folder, count in counts.items() if count > 12} == told
