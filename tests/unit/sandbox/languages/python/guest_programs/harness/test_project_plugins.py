"""A project that is a plugin of pytest, installed in place, in an interpreter of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.languages.python.guest_programs import harness
from sandbox.languages.python.guest_programs.harness.project_plugins import held_back

PROGRAM = """
import json, sys
harness, workspace, addopts = json.loads(sys.argv[1])
sys.path.insert(0, harness)
from harness.pytest_options import arguments, import_pytest
from harness.pytest_start import run_pytest
sys.path.remove(harness)
request = {"workspace": workspace, "import_roots": ["src"], "addopts": addopts}
pytest, import_path = import_pytest(request)
sys.exit(run_pytest(pytest, import_path, request, arguments(request, []), []))
"""
PLUGIN = """
import pytest
def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true")
    parser.addini("answer_is", "what the fixture gives")
@pytest.fixture
def answer(request):
    return int(request.config.getini("answer_is") or 0)
"""
TEST = "def test_answer(answer): assert answer == 42\n"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Metadata as an editable install leaves it; the module itself lies in the workspace."""
    folder = tmp_path / "environment" / "mine-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[pytest11]\nmine = mine_plugin\n")
    workspace = tmp_path / "workspace"
    (workspace / "src").mkdir(parents=True)
    (workspace / "src" / "mine_plugin.py").write_text(PLUGIN)
    (workspace / "test_mine.py").write_text(TEST)
    (workspace / "pytest.ini").write_text("[pytest]\nanswer_is = 42\n")
    return tmp_path


def exit_code(folder: Path, *addopts: str, **variables: str) -> int:
    parent = str(Path(str(harness.__path__[0])).parent)
    asked = json.dumps([parent, str(folder / "workspace"), list(addopts)])
    surroundings = {**os.environ, "PYTHONPATH": str(folder / "environment"), **variables}
    return subprocess.run([sys.executable, "-c", PROGRAM, asked], env=surroundings).returncode


def test_its_fixtures_settings_and_options_are_there(environment: Path) -> None:
    assert exit_code(environment) == 0
    assert exit_code(environment, "--fast") == 0


def test_it_is_loaded_where_pytest_would_load_it(environment: Path) -> None:
    off = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    assert exit_code(environment, **off) == 1  # the fixture is not found
    assert exit_code(environment, "-p", "mine", **off) == 0
    assert exit_code(environment, "-p", "no:mine") == 1


def test_the_command_line_names_it_only_to_hold_it_back() -> None:
    plugins = {"mine": "mine_plugin"}
    line = held_back(["-q", "-p", "mine", "-pmine_plugin", "-p", "other", "test_a.py"], plugins)
    assert line == ["-p", "no:mine", "-q", "-p", "other", "test_a.py"]


LINTER = """
import pytest
class Style(pytest.Item):
    def runtest(self): raise AssertionError("E501 line too long")
class File(pytest.File):
    def collect(self): yield Style.from_parent(self, name="style")
def pytest_addoption(parser): parser.addoption("--ruff", action="store_true")
def pytest_collect_file(file_path, parent):
    if parent.config.option.ruff:
        return File.from_parent(parent, path=file_path)
"""
ENABLER = """
def pytest_load_initial_conftests(early_config, args):
    if early_config.pluginmanager.has_plugin("ruff"): args.append("--ruff")
"""


def test_what_a_linter_says_of_a_source_is_no_test(environment: Path) -> None:
    metadata = environment / "environment" / "mine-1.0.dist-info" / "entry_points.txt"
    metadata.write_text(f"{metadata.read_text()}ruff = a_linter\nenabler = its_options\n")
    (environment / "environment" / "a_linter.py").write_text(LINTER)
    (environment / "environment" / "its_options.py").write_text(ENABLER)
    assert exit_code(environment) == 0
