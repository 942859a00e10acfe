"""The catalogue over modules of the standard library: never a crash, always what it promises."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from agent.proposers.search.catalogue import candidates
from agent.proposers.search.equivalence import compiled
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.source.module import Module
from sandbox.source import apply_edits

LIBRARY = Path(warnings.__file__).parent
NAMES = [
    "abc",
    "bisect",
    "cmd",
    "codeop",
    "colorsys",
    "contextlib",
    "copy",
    "csv",
    "dis",
    "fnmatch",
    "fractions",
    "functools",
    "getopt",
    "glob",
    "gzip",
    "heapq",
    "hmac",
    "keyword",
    "linecache",
    "operator",
    "pprint",
    "queue",
    "random",
    "reprlib",
    "sched",
    "shlex",
    "string",
    "textwrap",
    "types",
    "uuid",
]
FILES = [LIBRARY / f"{name}.py" for name in NAMES if (LIBRARY / f"{name}.py").is_file()]
LINES = 4
CHECKED = 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_candidates_compile_and_differ(path: Path) -> None:
    text = path.read_bytes().decode()
    module = Module.parse(path.name, text)
    context = ProjectContext.build({path.name: module}, ["assert f(-1) == 'x'"], "KeyError: 'x'")
    base = compiled(text, strict=False)
    for step in range(LINES):
        line = 1 + (module.line_count - 1) * (step + 1) // (LINES + 1)
        found = list(candidates(module, [line], context=context))
        results = {apply_edits(text, candidate.edits) for candidate in found}
        assert len(results) == len(found)
        for candidate in found[:: max(1, len(found) // CHECKED)]:
            meaning = compiled(apply_edits(text, candidate.edits), strict=False)
            assert meaning is not None, candidate
            assert meaning != base, candidate
