"""The command as its users run it: a process of its own, bubblewrap, a state folder per test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "cli.main")
TIMEOUT_SECONDS = 300
BUG = """def total(items):
    result = 0
    for item in items:
        result -= item
    return result
"""
TEST = """from calc import total


def test_total():
    assert total([1, 2]) == 3


def test_mixed():
    assert total([5, -7]) == -2


def test_empty():
    assert total([]) == 0
"""

Done = subprocess.CompletedProcess[str]
Repair = Callable[..., Done]
Project = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plain folders all share one environment."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def surroundings(tmp_path: Path, shared_cache: Path) -> dict[str, str]:
    """Environment variables of the command."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    own = {"REPAIR_STATE_DIR": str(tmp_path / "state"), "REPAIR_CACHE_DIR": str(shared_cache)}
    return {**os.environ, **own, "NO_COLOR": "1", "PYTHONPATH": str(TOP)}


@pytest.fixture
def run_repair(surroundings: dict[str, str], tmp_path: Path) -> Repair:
    """Run a command line to its end."""

    def run(*words: str | Path, **variables: str) -> Done:
        return subprocess.run(
            [*COMMAND, *map(str, words)],
            env={**surroundings, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a plain folder with these files."""

    def make(files: Mapping[str, str | bytes]) -> Path:
        folder = tmp_path / "project"
        folder.mkdir()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return make
