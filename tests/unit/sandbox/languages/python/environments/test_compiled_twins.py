"""Compiled modules in front of the sources that a patch edits."""

from __future__ import annotations

import importlib.machinery
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.base import CommandResult
from sandbox.languages.python.environments.compiled_twins import remove_twins

SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]


class Workspace:
    """A folder in which commands run as in a session."""

    def __init__(self, folder: Path) -> None:
        self.workspace = str(folder)

    def run(self, argv: Sequence[str], *, stdin: bytes, **_: object) -> CommandResult:
        done = subprocess.run(argv, input=stdin, capture_output=True, cwd=self.workspace)
        output, errors = done.stdout.decode(), done.stderr.decode()
        return CommandResult(exit_code=done.returncode, stdout=output, stderr=errors, seconds=0.0)


def remaining(folder: Path, sources: dict[str, str]) -> tuple[set[str], tuple[str, ...]]:
    """The compiled modules that are left of two that were built, and what is said."""
    (folder / "calc").mkdir()
    for path, text in sources.items():
        (folder / path).write_text(text)
    for name in ("core", "speedups"):
        (folder / f"calc/{name}{SUFFIX}").write_text("what a compiler made")
    session: Any = Workspace(folder)
    snapshot: Any = SimpleNamespace(entries=dict.fromkeys(sources))
    sentences = remove_twins(session, sys.executable, ["."], ["calc"], snapshot)
    return {path.name for path in folder.glob(f"calc/*{SUFFIX}")}, sentences


def test_what_stands_in_front_of_a_source_is_removed(tmp_path: Path) -> None:
    sources = {"calc/__init__.py": "from calc import core\n", "calc/core.py": ""}
    left, [sentence] = remaining(tmp_path, sources)
    assert left == {f"speedups{SUFFIX}"}
    assert sentence.startswith(f"compiled in front of its own source: calc/core{SUFFIX}; not used")


def test_what_the_project_cannot_do_without_stays(tmp_path: Path) -> None:
    core = "raise ImportError('only compiled')\n"
    sources = {"calc/__init__.py": "from calc import core\n", "calc/core.py": core}
    left, [sentence] = remaining(tmp_path, sources)
    assert left == {f"core{SUFFIX}", f"speedups{SUFFIX}"}
    assert "cannot be imported without" in sentence


@pytest.mark.parametrize("kept", [f"calc/core{SUFFIX}", "calc/other.py"])
def test_nothing_else_is_touched(tmp_path: Path, kept: str) -> None:
    sources = {"calc/__init__.py": "", "calc/core.py": "", kept: ""}
    if kept.endswith(".py"):
        del sources["calc/core.py"]
    assert remaining(tmp_path, sources) == ({f"core{SUFFIX}", f"speedups{SUFFIX}"}, ())
