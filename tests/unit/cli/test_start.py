"""What the command imports before it knows what to do: the help waits for none of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "celery",
    "docker",
    "httpx",
    "langchain_core",
    "langgraph",
    "langgraph_sdk",
    "langsmith",
    "requests",
    "sqlalchemy",
}
PROGRAM = """
import json, sys
from cli.main import main

code = main(sys.argv[1:])
print(json.dumps({"code": code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--version"], 0),
        (["--help"], 0),
        ([], 2),
        (["list"], 0),
        (["list", "--help"], 0),
        (["submit", "--help"], 0),
        (["model", "serve", "--help"], 0),
        (["github", "setup", "--help"], 0),
        (["./nowhere"], 2),
    ],
    ids=str,
)
def test_what_is_not_imported(words: list[str], code: int, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "REPAIR_STATE_DIR": str(tmp_path / "state"),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        },
    )
    told = json.loads(ended.stderr.splitlines()[-1])
    assert told["code"] == code
    assert "typer" in told["modules"]
    assert not HEAVY & set(told["modules"])
