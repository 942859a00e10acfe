"""What is understood of projects of every shape, and of configuration that is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.base import Interpreter
from sandbox.errors import PythonNotFound
from sandbox.languages.base import Overrides
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.packaging.metadata import Metadata
from sandbox.languages.python.detection.packaging.poetry import poetry_specifier
from sandbox.languages.python.detection.project import PythonProject, pytest_addopts
from sandbox.languages.python.detection.test_setup import RunnerKind, TestSetup
from sandbox.languages.python.environments.interpreter_choice import choose_interpreter
from sandbox.languages.python.environments.recipe import write_recipe
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.snapshot import Snapshot

PYTEST_FILE = "def test_it():\n    assert True\n"
UNITTEST_FILE = "import unittest\n\nclass A(unittest.TestCase):\n    def test_a(self): pass\n"


@pytest.fixture
def taken(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Make a snapshot of a folder with the given files."""

    def take(files: dict[str, str]) -> Snapshot:
        folder = tmp_path / "calc"
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return take_snapshot(resolve(str(folder), None, tmp_path / "s"), tmp_path / "snapshots")

    return take


def test_a_plain_folder_with_tests_beside_the_sources(taken) -> None:  # type: ignore[no-untyped-def]
    snapshot = taken({"calc.py": "", "test_calc.py": PYTEST_FILE})
    project = understand(snapshot)
    assert (project.name, project.runner, project.installable) == ("calc", "pytest", False)
    assert (project.import_roots, project.tests.paths) == ((".",), ())
    assert project.modules == {"calc", "test_calc"}
    assert project.is_test_path("test_calc.py")
    assert not project.is_test_path("calc.py")
    assert project.has_tests
    assert write_recipe(project, snapshot).only_base


def test_no_tests_is_a_state_of_its_own(taken) -> None:  # type: ignore[no-untyped-def]
    snapshot = taken({"calc.py": "", "stress_test.py": "def main():\n    pass\n"})
    assert not understand(snapshot).has_tests
    assert understand(snapshot, Overrides(test="make check")).has_tests


def test_tests_in_a_folder_named_for_them(taken) -> None:  # type: ignore[no-untyped-def]
    project = understand(
        taken(
            {
                "programs/sort.py": "",
                "programs/sort_test.py": "def main():\n    print(1)\n",
                "testcases/test_sort.py": PYTEST_FILE,
                "testcases/test_more.py": PYTEST_FILE,
                "testcases/load_data.py": "",
                "testing.py": "",
            }
        )
    )
    assert project.tests.paths == ("testcases",)
    assert project.is_test_path("testcases/load_data.py")
    assert not project.is_test_path("programs/sort.py")
    assert not project.is_test_path("testing.py")


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[tool.setuptools.packages.find]\nwhere = ["lib"]\n'},
        {"pyproject.toml": '[tool.setuptools]\npackage-dir = {"" = "lib"}\n'},
        {"pyproject.toml": '[tool.hatch.build.targets.wheel]\npackages = ["lib/calc"]\n'},
        {"pyproject.toml": '[[tool.poetry.packages]]\ninclude = "calc"\nfrom = "lib"\n'},
        {"pyproject.toml": '[tool.pdm.build]\npackage-dir = "lib"\n'},
        {"pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["lib"]\n'},
        {"setup.cfg": "[options]\npackage_dir =\n    = lib\n"},
        {"setup.cfg": "[options.packages.find]\nwhere = lib\n"},
        {"setup.py": "D = {'': 'lib'}\nfrom setuptools import setup\nsetup(package_dir=D)\n"},
    ],
)
def test_import_roots_are_read_from_every_tool(taken, files: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    project = understand(taken({**files, "lib/calc/__init__.py": "", "test_a.py": PYTEST_FILE}))
    assert project.import_roots == ("lib", ".")
    assert "calc" in project.modules


def test_the_src_layout_and_roots_that_lead_out(taken) -> None:  # type: ignore[no-untyped-def]
    hostile = '[tool.setuptools.packages.find]\nwhere = ["../..", "/etc", "absent"]\n'
    project = understand(taken({"src/calc.py": "", "pyproject.toml": hostile}))
    assert project.import_roots == ("src", ".")


def test_unittest_is_run_by_pytest_unless_pytest_would_miss_something(taken) -> None:  # type: ignore[no-untyped-def]
    project = understand(taken({"tests.py": UNITTEST_FILE, "calc.py": ""}))
    assert (project.runner, project.tests.files) == (RunnerKind.UNITTEST, ("tests.py",))
    assert project.is_test_path("tests.py")
    assert understand(taken({"tests/test_a.py": UNITTEST_FILE})).runner is RunnerKind.PYTEST
    loads = UNITTEST_FILE + "def load_tests(loader, tests, pattern):\n    return tests\n"
    assert understand(taken({"tests/test_b.py": loads})).runner is RunnerKind.UNITTEST


def test_places_in_a_pytest_command_replace_the_declared_ones(taken) -> None:  # type: ignore[no-untyped-def]
    files = {"a/test_a.py": PYTEST_FILE, "b/test_b.py": PYTEST_FILE, "k/x.py": ""}
    snapshot = taken({**files, "pytest.ini": "[pytest]\ntestpaths = b\n"})
    command = Overrides(test="pytest -k k --strict-markers a/test_a.py::test_it")
    project = understand(snapshot, command)
    assert project.tests.paths == ("a/test_a.py::test_it",)
    assert pytest_addopts(project) == ["-k", "k", "--strict-markers"]
    assert project.tests.files == ("a/test_a.py",)


@pytest.mark.parametrize(
    ("command", "runner", "arguments"),
    [
        ("pytest -x --strict-markers", "pytest", ("-x", "--strict-markers")),
        ("python3.11 -m pytest -k 'a b'", "pytest", ("-k", "a b")),
        ("python -m unittest discover -s t", "unittest", ("discover", "-s", "t")),
        ("make test", "command", ("sh", "-c", "make test")),
        ("pytest && echo done", "command", ("sh", "-c", "pytest && echo done")),
        ("python -m pytest 'unclosed", "command", ("sh", "-c", "python -m pytest 'unclosed")),
    ],
)
def test_test_commands(taken, command: str, runner: str, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    project = understand(taken({"a.py": ""}), Overrides(test=command))
    assert (project.runner, project.tests.arguments) == (runner, arguments)


def test_options_that_get_in_the_way_are_removed(taken) -> None:  # type: ignore[no-untyped-def]
    options = (
        "-ra -n 4 -nauto --dist=loadfile --cov pkg --cov=pkg --cov-report term -x --maxfail=1 -vv "
        "--reruns 3 --pdb --lf --junitxml out.xml -p xdist --strict-markers -m 'not slow' "
        "-p no:warnings --doctest-modules --import-mode=importlib -W error --tb short"
    )
    project = understand(
        taken({"pytest.ini": f"[pytest]\naddopts = {options}\ntestpaths = t\n", "t/test_a.py": ""})
    )
    assert pytest_addopts(project) == [
        *("--strict-markers", "-m", "not slow", "-p", "no:warnings", "--doctest-modules"),
        *("--import-mode=importlib", "-W", "error"),
    ]
    assert project.tests.paths == ("t",)


PYPROJECT = """
[project]
name = "Calc"
requires-python = ">=3.9"
classifiers = ["Programming Language :: Python :: 3.9", "Programming Language :: Python :: 3.10"]
dependencies = ["attrs"]
optional-dependencies = { test = ["hypothesis"], docs = ["sphinx"] }
[dependency-groups]
base = ["mock", {include-group = "tests"}]
tests = ["pytest", {include-group = "base"}, "not a requirement!", "--index-url=x", "calc"]
lint = ["ruff"]
[tool.repair]
install = "pip install ."
test = "pytest t"
python = "9.9"
"""


def test_pyproject_is_read(taken) -> None:  # type: ignore[no-untyped-def]
    files = {"t/test_a.py": PYTEST_FILE, "u/test_b.py": PYTEST_FILE}
    snapshot = taken({"pyproject.toml": PYPROJECT, "calc.py": "", "uv.lock": "", **files})
    project = understand(snapshot)
    assert (project.name, project.requires_python) == ("Calc", ">=3.9")
    assert project.needs.extras == ("test",)
    assert project.needs.requirements == ("pytest", "mock")
    assert project.needs.lock_files == ("uv.lock",)
    assert (project.install, project.tests.paths) == ("pip install .", ("t",))
    assert any("ignored: python" in note for note in project.notes)
    given = understand(snapshot, Overrides(install="make", test="pytest u", python="3.12"))
    assert (given.install, given.tests.paths, given.python) == ("make", ("u",), "3.12")


def test_setup_py_is_read_and_never_run(taken, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    program = f"""
from setuptools import setup
open({str(tmp_path / "ran")!r}, "w")
tests = ["mock"] + ["nose"]
options = dict(a=1)
setup(name="calc", python_requires=">=3.8", tests_require=tests, version=get(),
      extras_require={{"testing": tests, "docs": unknown}}, classifiers=[
      "Programming Language :: Python :: 3.8"], **options)
"""
    project = understand(taken({"setup.py": program, "calc.py": ""}))
    assert not (tmp_path / "ran").exists()
    assert (project.name, project.requires_python) == ("calc", ">=3.8")
    assert project.needs.extras == ("testing",)
    assert project.needs.requirements == ("mock", "nose")
    assert project.metadata.python_versions == ((3, 8),)


def test_requirements_files_tox_and_nox(taken) -> None:  # type: ignore[no-untyped-def]
    project = understand(
        taken(
            {
                "requirements.txt": "attrs\n",
                "requirements/tests.txt": "mock\n",
                "requirements/docs.txt": "sphinx\n",
                "requirements-dev.txt": "black\n",
                "more/pins.txt": "six\n",
                "tox.ini": "[testenv]\ndeps =\n  -r{toxinidir}/more/pins.txt\n  freezegun\n"
                "  {[x]deps}\n  py27: six\n",
                "noxfile.py": "def tests(session):\n    session.install('.', 'responses')\n",
            }
        )
    )
    assert project.needs.main_files == ("requirements.txt",)
    assert project.needs.test_files == ("more/pins.txt", "requirements/tests.txt")
    assert set(project.needs.requirements) == {"freezegun", "responses"}


def test_extras_that_tox_names_in_one_line(taken) -> None:  # type: ignore[no-untyped-def]
    setup = "setup(name='calc', extras_require={'reco': ['six'], 'lint': ['flake8'], 'tests': []})"
    tox = "[testenv]\nextras = tests, reco,absent\n"
    project = understand(taken({"setup.py": setup, "tox.ini": tox}))
    assert project.needs.extras == ("reco", "tests")


@pytest.mark.parametrize(
    ("source", "added"),
    [
        ("import os\n", ()),
        ("import pkg_resources\n", ("setuptools<81",)),
        (
            "try:\n    from pkg_resources.extern import packaging\nfinally: pass\n",
            ("setuptools<71",),
        ),
    ],
)
def test_what_setuptools_used_to_hold(taken, source: str, added: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    snapshot = taken({"setup.py": "setup(name='calc')", "calc.py": source, "names.py": "import re"})
    assert write_recipe(understand(snapshot), snapshot).requirements == added


def test_setuptools_is_named_for_pythons_that_do_not_bring_it(taken) -> None:  # type: ignore[no-untyped-def]
    line = 'setuptools; python_version >= "3.12"'
    snapshot = taken({"tox.ini": f"[testenv]\ndeps =\n    {line}\n", "calc.py": "A = 1\n"})
    assert write_recipe(understand(snapshot), snapshot).requirements == (line, "setuptools<81")


def test_poetry(taken) -> None:  # type: ignore[no-untyped-def]
    text = """
[tool.poetry]
name = "calc"
[tool.poetry.dependencies]
python = "^3.9"
attrs = {version = "^23.1", optional = true}
six = "*"
[tool.poetry.group.test.dependencies]
mock = [{version = "^4.0", python = "<3.10"}, {version = "^5.0", python = ">=3.10"}]
local = {path = "../local"}
"""
    project = understand(taken({"pyproject.toml": text}))
    assert project.requires_python == "<4,>=3.9"
    assert project.metadata.dependencies == ("six",)
    assert project.needs.requirements == (
        "mock>=4.0,<5; (python_version < '3.10')",
        "mock>=5.0,<6; (python_version >= '3.10')",
    )


@pytest.mark.parametrize(
    ("constraint", "specifier"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        ("*", ""),
        ("1.2.*", "==1.2.*"),
        (">=1.2, <2", ">=1.2,<2"),
        ("^1 || ^2", None),
        ("git", None),
    ],
)
def test_poetry_constraints(constraint: str, specifier: str | None) -> None:
    assert poetry_specifier(constraint) == specifier


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "a = ["},
        {"pyproject.toml": "a = " + "[" * 50_000},
        {"pyproject.toml": "a = 1\n" * 300_000},
        {"pyproject.toml": "[project]\nname = 1\ndependencies = {a = 1}\nclassifiers = [[1]]\n"},
        {"pyproject.toml": "project = 1\ntool = 2\nbuild-system = 3\ndependency-groups = [4]\n"},
        {"pyproject.toml": "[tool]\npoetry = 1\npdm = []\nhatch = 'x'\nuv = 1\npytest = 3\n"},
        {"pyproject.toml": "[tool.poetry.group]\ntest = 1\n[tool.poetry]\npackages = [1]\n"},
        {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = 3\ntestpaths = [[1]]\n"},
        {"pyproject.toml": "[project]\nrequires-python = 'three'\n"},
        {"setup.cfg": "no section\n[options\n"},
        {"setup.cfg": "[a]\nb = 1\n[a]\n[options]\npackage_dir\n%(x)s = y\n"},
        {"tox.ini": "\0[testenv]\0deps=\0"},
        {"pytest.ini": "[pytest]\naddopts = -k 'unclosed\npython_files = test_*.py [\n"},
        {"setup.py": "setup(" * 300},
        {"setup.py": "x = " + "-" * 100_000 + "1"},
        {"setup.py": "\0"},
        {"setup.py": "setup(extras_require={**a, 1: 2, 't': [x]}, name=1, package_dir=[])"},
        {"noxfile.py": "def tests(s):\n    s.install(*x, **y)\n    s.run()\n"},
        {".python-version": "system\n", "requirements.txt": "\0\0"},
    ],
)
def test_broken_and_hostile_configuration_is_survived(taken, files: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    snapshot = taken({**files, "calc.py": "", "tests/test_calc.py": PYTEST_FILE})
    project = understand(snapshot)
    write_recipe(project, snapshot)
    assert project.has_tests
    assert project.is_test_path("tests/test_calc.py")
    assert isinstance(pytest_addopts(project), list)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("conftest.py", True),
        ("a/b/conftest.py", True),
        ("pyproject.toml", True),
        ("setup.py", True),
        ("sub/x.pth", True),
        ("requirements/tests.txt", True),
        ("dev-requirements.txt", True),
        (".github/workflows/ci.yml", True),
        ("pkg/config.py", False),
        ("docs/notes.txt", False),
    ],
)
def test_configuration_paths(taken, path: str, expected: bool) -> None:  # type: ignore[no-untyped-def]
    assert understand(taken({"a.py": ""})).is_config_path(path) is expected


def project_for(requires: str, **fields: str) -> PythonProject:
    tests = TestSetup(runner=RunnerKind.PYTEST)
    return PythonProject(
        name="calc", import_roots=(".",), tests=tests, requires_python=requires or None, **fields
    )


HERE = [Interpreter(f"/p/3.{minor}", (3, minor, 1)) for minor in (14, 13, 12, 11, 9, 8)]


@pytest.mark.parametrize(
    ("project", "minor"),
    [
        (project_for(""), 13),
        (project_for("<3.12"), 11),
        (project_for(">=3.14"), 14),
        (project_for("", python="3.9"), 9),
        (project_for(">=3.12", python="/p/3.8"), 8),
        (project_for("", python_hint="3.11"), 11),
        (project_for(">=3.12", python_hint="3.11"), 13),
    ],
)
def test_the_interpreter_that_fits(project: PythonProject, minor: int) -> None:
    assert choose_interpreter(project, HERE, on_host=False)[0].version[1] == minor


def test_classifiers_pull_old_projects_back(taken) -> None:  # type: ignore[no-untyped-def]
    def chosen(*minors: int) -> int:
        lines = ", ".join(f'"Programming Language :: Python :: 3.{minor}"' for minor in minors)
        text = f'[project]\nname = "calc"\nclassifiers = [{lines}]\n'
        project = understand(taken({"pyproject.toml": text}))
        return choose_interpreter(project, HERE, on_host=False)[0].version[1]

    assert chosen(9, 11) == 11
    assert chosen(4, 5, 6) == 8
    assert chosen(10) == 11
    assert chosen(12, 13, 14) == 13


def test_a_missing_python_is_said_clearly() -> None:
    with pytest.raises(PythonNotFound, match=r"needs Python >=4; found here: 3\.14\.1, 3\.13\.1"):
        choose_interpreter(project_for(">=4"), HERE, on_host=False)
    with pytest.raises(PythonNotFound, match=r"Python 3\.10 is not here"):
        choose_interpreter(project_for("", python="3.10"), HERE, on_host=False)
    with pytest.raises(PythonNotFound, match="is not a Python"):
        choose_interpreter(project_for("", python="/etc/passwd"), HERE, on_host=True)


@pytest.mark.parametrize(
    ("tested", "classified", "minor", "source"),
    [
        ({"CI": ("3.8", "3.9")}, (), 9, "CI"),
        ({"CI": ("3.7",), "tox": ("3.11",)}, (), 11, "tox"),
        ({"tox": ("3.6", "3.7")}, (), 8, "tox"),
        ({"CI": ("3.9",)}, (11,), 11, "classifiers"),
        ({}, (), 13, "likely"),
    ],
)
def test_the_python_that_it_is_tested_on(
    tested: dict[str, tuple[str, ...]], classified: tuple[int, ...], minor: int, source: str
) -> None:
    classifiers = tuple(f"Programming Language :: Python :: 3.{number}" for number in classified)
    project = PythonProject(
        name="calc",
        import_roots=(".",),
        tests=TestSetup(runner=RunnerKind.PYTEST),
        metadata=Metadata(classifiers=classifiers),
        tested_pythons=tested,
    )
    interpreter, why = choose_interpreter(project, HERE, on_host=False)
    assert interpreter.version[1] == minor
    assert source in why
