"""Packages below the top: where they are found, and how they are installed and tested together."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.environments.recipe import write_recipe
from tests.support.snapshot_case import snapshot_of

TEST = "import pytest\ndef test_it(): pass\n"
A = '[project]\nname = "a"\nversion = "1"\ndependencies = ["b", "idna"]\n'
B = '[project]\nname = "b"\nversion = "1"\n[project.optional-dependencies]\ntest = ["toml"]\n'
MEMBERS = {
    "packages/a/pyproject.toml": A + '[dependency-groups]\ntest = ["tomli"]\n',
    "packages/a/src/a/__init__.py": "import b\n",
    "packages/a/tests/test_core.py": TEST,
    "packages/b/pyproject.toml": B,
    "packages/b/src/b/__init__.py": "",
    "packages/b/tests/test_core.py": TEST,
}


def understood(tmp_path: Path, files: dict[str, str]) -> PythonProject:
    return understand(snapshot_of(tmp_path, files))


@pytest.mark.parametrize(
    "pyproject",
    [
        "",
        '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
        '[tool.uv.workspace]\nmembers = ["packages/**"]\nexclude = ["packages/*/src*"]\n',
        '[tool.hatch.workspace]\nmembers = ["packages/a", {path = "packages/b"}]\n',
        "[tool.uv.sources]\na = {path = 'packages/a'}\nb = {path = './packages/b'}\n",
        '[tool.pdm.dev-dependencies]\ndev = ["-e file:///${PROJECT_ROOT}/packages/a", '
        '"b @ file:///${PROJECT_ROOT}/packages/b"]\n',
        '[tool.poetry]\nname = "root"\n[tool.poetry.dependencies]\na = {path = "packages/a"}\n'
        '[tool.poetry.group.dev.dependencies]\nb = {path = "packages/b", develop = true}\n',
    ],
)
def test_members_are_installed_together_with_what_they_and_their_tests_need(
    tmp_path: Path, pyproject: str
) -> None:
    snapshot = snapshot_of(tmp_path, {**MEMBERS, "pyproject.toml": pyproject})
    project = understand(snapshot)
    recipe = write_recipe(project, snapshot)
    assert recipe.members == ("packages/a", "packages/b[test]")
    assert set(recipe.requirements) == {"idna", "tomli", "toml"}
    assert recipe.runs_code
    assert project.import_roots == (
        "packages/a/src",
        "packages/a",
        "packages/b/src",
        "packages/b",
        ".",
    )
    assert {"a", "b"} <= project.modules
    assert project.tests.files == ("packages/a/tests/test_core.py", "packages/b/tests/test_core.py")


def test_equal_names_of_test_files_are_imported_by_path(tmp_path: Path) -> None:
    project = understood(tmp_path, MEMBERS)
    assert project.tests.paths == ("packages/a/tests", "packages/b/tests")
    assert "--import-mode=importlib" in project.tests.addopts
    assert any("`repair PATH/packages/a`" in note for note in project.notes)


@pytest.mark.parametrize(
    ("files", "clashes"),
    [
        ({"tests/unit/test_a.py": TEST, "tests/more/test_a.py": TEST}, True),
        ({"tests/unit/test_a.py": TEST, "tests/more/test_b.py": TEST}, False),
        ({f"{f}/tests/{n}": TEST for f in "xy" for n in ("test_a.py", "__init__.py")}, True),
        ({f"tests/{f}/{n}": TEST for f in "xy" for n in ("test_a.py", "__init__.py")}, False),
    ],
)
def test_several_test_roots_of_one_project_too(
    tmp_path: Path, files: dict[str, str], clashes: bool
) -> None:
    project = understood(tmp_path, {"calc.py": "", **files})
    assert ("--import-mode=importlib" in project.tests.addopts) is clashes
    chosen = {"pytest.ini": "[pytest]\naddopts = --import-mode=append\n"}
    project = understood(tmp_path / "2", {"calc.py": "", **files, **chosen})
    assert project.tests.addopts == ("--import-mode=append",)


def test_settings_that_the_members_agree_on_are_taken_over(tmp_path: Path) -> None:
    table = "[tool.pytest.ini_options]\nasyncio_mode = 'auto'\npython_files = ['{}']\n"
    files = {
        **MEMBERS,
        "packages/a/pyproject.toml": A + table.format("test_*.py"),
        "packages/b/pyproject.toml": B + table.format("check_*.py"),
        "packages/b/tests/check_b.py": TEST,
    }
    project = understood(tmp_path, files)
    assert project.tests.addopts[:2] == ("-o", "asyncio_mode=auto")
    assert not any("python_files" in option for option in project.tests.addopts)


def test_the_settings_of_the_top_come_first(tmp_path: Path) -> None:
    top = {"pytest.ini": "[pytest]\ntestpaths = packages/b\n"}
    project = understood(tmp_path, {**MEMBERS, **top})
    assert project.tests.paths == ("packages/b",)
    assert [member.folder for member in project.members] == ["packages/a", "packages/b"]


def test_variables_of_a_member_hold_with_its_own_folder(tmp_path: Path) -> None:
    tox = {"packages/a/tox.ini": "[testenv]\nsetenv = DATA={toxinidir}/data\n"}
    project = understood(tmp_path, {**MEMBERS, **tox})
    assert project.variables == {"DATA": "{workspace}/packages/a/data"}


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": "", "calc.py": "", "packages/a/setup.py": ""},
        {"calc.py": "", "tests/fixtures/pkg/setup.py": "", "examples/x/setup.py": ""},
        {"calc.py": "", "sub/pyproject.toml": "[tool.black]\n"},
        {"calc.py": "", "a/b/c/d/setup.py": ""},
        {"pyproject.toml": "[tool.uv.workspace]\nmembers = 3\nexclude = 1\n", "calc.py": ""},
    ],
)
def test_what_is_no_member(tmp_path: Path, files: dict[str, str]) -> None:
    assert understood(tmp_path, {**files, "test_calc.py": TEST}).members == ()


def test_a_packaged_top_takes_what_it_names_and_what_that_needs(tmp_path: Path) -> None:
    top = (
        '[project]\nname = "top"\nversion = "1"\ndependencies = ["a"]\n'
        '[tool.uv.workspace]\nmembers = ["packages/*", "examples/*"]\n'
        "[tool.pytest.ini_options]\ntestpaths = ['tests']\n"
    )
    more = {f"{f}/setup.py": "" for f in ("packages/unused", "examples/x")}
    files = {**MEMBERS, **more, "pyproject.toml": top, "tests/test_top.py": TEST}
    members = understood(tmp_path, files).members
    assert [member.folder for member in members] == ["packages/a", "packages/b"]


def test_too_many_are_offered_one_by_one(tmp_path: Path) -> None:
    files = {f"p{n}/{name}": TEST for n in range(20) for name in ("setup.py", "tests/test_a.py")}
    project = understood(tmp_path, files)
    assert project.members == ()
    assert any("too many to be installed together" in note for note in project.notes)
    assert any("`repair PATH/p0`" in note for note in project.notes)
