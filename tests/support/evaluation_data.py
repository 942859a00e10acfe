"""Small made-up data in the shape of each suite of `repair evaluate`, and damaged answers to it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

RIGHT, WRONG = "    return x + x\n", "    return x * x\n"
DAMAGED = "x + x", "x - x"
"""What a damaged answer has elsewhere than the reference."""
JAVASCRIPT = "const double = (x) => {\n"
IDENTITY = {
    **{f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_NOSYSTEM": "1",
}


def human_eval(folder: Path, number: int) -> Path:
    rows = (
        {
            "task_id": f"HumanEval/{i}",
            "prompt": 'def double(x):\n    """Twice x."""\n',
            "entry_point": "double",
            "canonical_solution": RIGHT,
            "test": "def check(candidate):\n    assert candidate(3) == 6\n",
        }
        for i in range(number)
    )
    return written(folder / "HumanEval.jsonl", rows)


def mbpp(folder: Path, number: int) -> Path:
    rows = (
        {
            "task_id": 11 + i,
            "text": "Write a function that doubles.",
            "code": f"def double(x):\n{RIGHT}",
            "test_list": ["assert double(3) == 6", "assert double(0) == 0"],
        }
        for i in range(number)
    )
    return written(folder / "mbpp.jsonl", rows)


def mbpp_plus(folder: Path, number: int) -> Path:
    rows = (
        {
            "task_id": i,
            "prompt": "Write a function that doubles.",
            "code": f"def double(x):\n{RIGHT}",
            "test_list": ["assert double(3) == 6"],
            "test": "import numpy as np\n\nfor x in np.arange(5):\n    assert double(x) == 2 * x\n",
        }
        for i in range(number)
    )
    return written(folder / "MbppPlus-OriginFmt.jsonl", rows)


def fix_in_python(folder: Path, number: int) -> Path:
    test = "def check(double):\n    assert double(3) == 6\n\ncheck(double)"
    return _fixes(folder, number, "Python", "def double(x):\n", (RIGHT, WRONG), test)


def fix_in_javascript(folder: Path, number: int) -> Path:
    bodies = ("  return x + x;\n}\n", "  return x * x;\n}\n")
    test = "const testDouble = () => {\n  console.assert(double(3) === 6)\n}\n\ntestDouble()\n"
    return _fixes(folder, number, "JavaScript", JAVASCRIPT, bodies, test)


def _fixes(
    folder: Path, number: int, language: str, declaration: str, bodies: tuple[str, str], test: str
) -> Path:
    rows = (
        {
            "task_id": f"{language}/{i}",
            "declaration": declaration,
            "canonical_solution": bodies[0],
            "buggy_solution": bodies[1],
            "entry_point": "double",
            "test": test,
        }
        for i in range(number)
    )
    return written(folder / "humanevalpack.jsonl", rows)


def code_refinement(folder: Path, number: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for kind, code in (("fixed", "x + x"), ("buggy", "x * x")):
        line = f"int twice ( int x ) {{ return {code} ; }}\n"
        (folder / f"test.buggy-fixed.{kind}").write_text(line * number)
    return folder


GCD = "def gcd(a, b):\n    return a if b == 0 else gcd({0}, a % b)\n"
GCD_TEST = """\
from python_programs.gcd import gcd


def test_gcd():
    assert [gcd(17, 0), gcd(35, 21)] == [17, 7]
"""


def quixbugs(folder: Path) -> Path:
    """A checkout with the program gcd."""
    for path, text in {
        "python_programs/gcd.py": GCD.format("a"),
        "correct_python_programs/gcd.py": GCD.format("b"),
        "python_testcases/test_gcd.py": GCD_TEST,
        "conftest.py": "",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


PROGRAM_SUITES: Mapping[str, tuple[str, Callable[[Path, int], Path]]] = {
    "humaneval": ("humaneval", human_eval),
    "humaneval+": ("humaneval+", human_eval),
    "mbpp": ("mbpp", mbpp),
    "mbpp+": ("mbpp+", mbpp_plus),
    "humanevalfix": ("humanevalfix", fix_in_python),
    "humanevalfix-js": ("humanevalfix", fix_in_javascript),
    "code-refinement": ("code-refinement", code_refinement),
}
"""Name of a case → its suite, and what writes its data."""


def written(path: Path, rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def script(path: Path, answers: Sequence[str]) -> str:
    """The name of a model that gives these answers, one after the other."""
    written(path, ({"content": text} for text in answers))
    return f"scripted:{path}"


def repository(folder: Path, number: int) -> tuple[Path, list[tuple[str, str]]]:
    """A repository in which `number` functions were fixed, one commit each with its test; and the
    commits before and after each fix."""
    folder.mkdir(parents=True)

    def git(*words: str) -> str:
        ended = subprocess.run(
            ["git", *words],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **IDENTITY},
        )
        return ended.stdout.strip()

    def commit(message: str) -> str:
        git("add", "-A")
        git("commit", "-q", "-m", message)
        return git("rev-parse", "HEAD")

    git("init", "-q", "-b", "main")
    names = [f"double_{i}" for i in range(number)]
    for name in names:
        (folder / f"{name}.py").write_text(f"def {name}(x):\n{WRONG}")
    before, pairs = commit("Begin"), []
    for name in names:
        (folder / f"{name}.py").write_text(f"def {name}(x):\n{RIGHT}")
        (folder / f"test_{name}.py").write_text(
            f"from {name} import {name}\n\n\ndef test_three():\n    assert {name}(3) == 6\n"
        )
        after = commit(f"Fix {name}")
        pairs.append((before, after))
        before = after
    return folder, pairs
