"""The documents name settings, targets of make and tests that are there."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.support.documents import TOP, Document, documents

_FOLDERS = (
    "cli",
    "workers",
    "agent",
    "sandbox",
    "action",
    "benchmarks",
    "docker",
    "tests",
    "examples",
)
_SETTING = re.compile(r"\bREPAIR_[A-Z][A-Z_]*[A-Z]\b(?![*_])")
_TARGET = re.compile(r"^make ([a-z]+)\b")
_TEST = re.compile(r"^test_\w+$")


@cache
def _code() -> str:
    paths = [
        path for name in _FOLDERS for path in sorted((TOP / name).rglob("*")) if path.is_file()
    ]
    suffixes = (".py", ".sh", ".yaml", ".example", ".Dockerfile", ".toml")
    texts = (path.read_text(encoding="utf-8") for path in paths if path.name.endswith(suffixes))
    return "\n".join(texts) + (TOP / "Makefile").read_text(encoding="utf-8")


@cache
def _words() -> frozenset[str]:
    return frozenset(re.findall(r"\w+", _code()))


@pytest.mark.parametrize("one", documents(), ids=lambda one: one.name)
def test_settings_are_read_by_something(one: Document) -> None:
    for name in set(_SETTING.findall(one.text)):
        field = name.removeprefix("REPAIR_").lower()
        assert name in _words() or f"{field}:" in _code(), name


@pytest.mark.parametrize("one", documents(), ids=lambda one: one.name)
def test_targets_of_make_are_in_the_makefile(one: Document) -> None:
    targets = re.findall(
        r"^([a-z]+):", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    lines = [*one.spans, *"\n".join(one.blocks).splitlines()]
    for line in lines:
        if (match := _TARGET.match(line)) and one.name != "docs/github-action.md":
            assert match[1] in targets, line


@pytest.mark.parametrize("one", documents(), ids=lambda one: one.name)
def test_tests_that_are_named_are_there(one: Document) -> None:
    for name in filter(_TEST.match, one.spans):
        assert name in _words(), name
