"""The catalogue over modules of the standard library: never a crash, always what it promises."""

from __future__ import annotations

import ast
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.proposers.search.catalogue import candidates, drafts, judged
from agent.proposers.search.equivalence import Unit, compiled
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.likelihood.prior import shares
from agent.source.module import Module
from sandbox.source import SourceEdit, apply_edits

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


SEED = 16
SAMPLED_FILES = 12
SAMPLED_STATEMENTS = 3
"""Of each file, all of their sites."""
SAMPLED_CANDIDATES = 3


def _sample() -> Iterator[tuple[Module, ast.stmt | ast.excepthandler]]:
    chosen = random.Random(SEED)
    paths = sorted(LIBRARY.glob("*.py")) + sorted(LIBRARY.glob("[!s]*/*.py"))
    for path in chosen.sample(paths, SAMPLED_FILES):
        try:
            module = Module.parse(path.name, path.read_bytes().decode())
        except (SyntaxError, UnicodeDecodeError):
            continue
        statements = [n for n in ast.walk(module.tree) if isinstance(n, STATEMENTS)]
        for statement in chosen.sample(statements, min(SAMPLED_STATEMENTS, len(statements))):
            yield module, statement


STATEMENTS = (ast.stmt, ast.excepthandler)


def test_every_operator_at_every_site_of_a_sample_of_the_whole_library() -> None:
    """None fails, and what comes out compiles in its file."""
    chosen, compiled_count = random.Random(SEED), 0
    for module, statement in _sample():
        context = ProjectContext.build({module.path: module}, ["assert f(-1) == 'x'"], "'y' 3")
        made = drafts(module, statement, context)
        assert len(shares(made, module, statement, context)) == len(made)
        units: dict[tuple[str, ast.AST], Unit | None] = {}
        good = [one for one in made if judged(module, units, one, statement) is not None]
        for draft in chosen.sample(good, min(SAMPLED_CANDIDATES, len(good))):
            edits = [SourceEdit(module.path, *change) for change in draft.changes]
            assert compiled(apply_edits(module.text, edits), strict=False) is not None, draft
            compiled_count += 1
    assert compiled_count > SAMPLED_FILES
