"""How a guest program starts pytest, tried in an interpreter with a path of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.languages.python.guest_programs import harness

PROGRAM = """
import json, sys
folders, workspace, options = json.loads(sys.argv[1])
sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry] + folders
sys.path.insert(0, options)
import harness.pytest_options as options
sys.path.remove(sys.path[0])
pytest, plugin = options.import_pytest({"workspace": workspace})
import packaging
print(json.dumps([packaging.__file__, pytest.__file__]))
"""
INSTALLED = Path(pytest.__file__).parent.parent


def link(folder: Path, *, without: str = "", only: str = "") -> str:
    """A folder of links to what is installed here."""
    folder.mkdir()
    for path in INSTALLED.iterdir():
        if path.name != without and only in ("", path.name) and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)
    return str(folder)


def start(folders: list[str], workspace: str) -> list[str]:
    options = str(Path(str(harness.__path__[0])).parent)
    asked = json.dumps([folders, workspace, options])
    argv = [sys.executable, "-I", "-c", PROGRAM, asked]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert isinstance(found, list)
    return found


def test_a_project_that_pytest_needs_is_taken_from_the_workspace(tmp_path: Path) -> None:
    """As `packaging` is, whose editable install leaves no other copy in the environment."""
    environment = link(tmp_path / "environment", without="packaging")
    workspace = link(tmp_path / "workspace", only="packaging")
    ours, runner = start([environment, workspace], workspace)
    assert ours.startswith(workspace)
    assert runner.startswith(environment)


def test_what_the_environment_has_comes_before_the_workspace(tmp_path: Path) -> None:
    environment = link(tmp_path / "environment")
    workspace = link(tmp_path / "workspace", only="packaging")
    assert all(path.startswith(environment) for path in start([workspace, environment], workspace))
