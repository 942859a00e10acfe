"""How tests are run, as a project's own files say: each kind of place, each kind of runner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from sandbox.languages.base import Overrides
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.project import PythonProject, pytest_addopts
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.runners.choose_runner import choose_runner, pytest_setup
from sandbox.languages.python.runners.unittest import UnittestRunner
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot

PYTEST_FILE = "def test_it():\n    assert True\n"
CASE = "import unittest\n\nclass A(unittest.TestCase):\n    def test_a(self): pass\n"
MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
RUNTESTS = """
import sys, django
from django.conf import settings
from django.test.utils import get_runner
settings.configure()
django.setup()
sys.exit(get_runner(settings)().run_tests(["tests"]))
"""
DISCOVERY = 'python -m unittest discover -s checks -p "*tests.py"'
ODD = {"calc.py": "", "checks/calc_tests.py": CASE}


@pytest.fixture
def read(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Make a folder with the given files and understand it."""

    def take(files: dict[str, str], **given: str) -> PythonProject:
        folder = tmp_path / "calc"
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        snapshot = take_snapshot(resolve(str(folder), None, tmp_path / "s"), tmp_path / "snapshots")
        return understand(snapshot, Overrides(**given))

    return take


@pytest.mark.parametrize(
    "files",
    [
        {"tox.ini": f"[testenv]\ncommands =\n  ruff check\n  {DISCOVERY} {{posargs}}\n"},
        {
            "tox.ini": "[run]\nplace = checks\ntest = {envpython} -Wd -m unittest discover "
            "-s {[run]place} -p '*tests.py'\n[testenv]\ncommands = {[run]test}\n"
        },
        {
            "tox.ini": "[testenv]\ncommands =\n  coverage run --source calc -m unittest \\\n"
            "    discover -s {toxinidir}/checks -p *tests.py\n"
        },
        {
            "pyproject.toml": '[tool.tox]\nlegacy_tox_ini = """\n[testenv]\ncommands = '
            'python -m unittest discover -s checks -p *tests.py\n"""\n'
        },
        {
            "tox.toml": "[env_run_base]\ncommands = [['python', '-m', 'unittest', 'discover', "
            "'-s', '{tox_root}{/}checks', '-p', '*tests.py', {replace = 'posargs'}]]\n"
        },
        {
            "noxfile.py": "def tests(session):\n    session.run('python', '-m', 'unittest', "
            "'discover', '-s', 'checks', '-p', '*tests.py')\n"
        },
        {"Makefile": f"PY ?= python3\ntest: lint\n\t@$(PY) {DISCOVERY.partition(' ')[2]}\n"},
        {"pyproject.toml": f"[tool.hatch.envs.default.scripts]\ncheck = '{DISCOVERY}'\n"},
        {"hatch.toml": f"[envs.test.scripts]\nrun = ['ruff check', '{DISCOVERY}']\n"},
        {"pyproject.toml": f"[tool.pdm.scripts]\ntest = {{cmd = '{DISCOVERY}'}}\n"},
        {"pyproject.toml": f"[tool.pdm.scripts]\ntest = {{shell = '{DISCOVERY}'}}\n"},
        {"pyproject.toml": f"[tool.poe.tasks]\ntest.cmd = '{DISCOVERY}'\n"},
        {"pyproject.toml": f"[tool.poe.tasks]\nall = ['lint', {{cmd = '{DISCOVERY}'}}]\n"},
        {"pyproject.toml": f"[tool.taskipy.tasks]\ntest = '{DISCOVERY}'\n"},
        {"Pipfile": f"[scripts]\ntest = '{DISCOVERY}'\n"},
        {"scripts/test": f'#!/bin/sh\nset -e\nexport A=1\nexec {DISCOVERY} "$@"\n'},
        {
            ".github/workflows/ci.yml": "jobs:\n  test:\n    steps:\n      - run: pip install .\n"
            f"      - run: {DISCOVERY}\n"
        },
        {
            ".github/workflows/ci.yaml": "jobs:\n  test:\n    steps:\n      - name: Test\n"
            f"        run: |\n          pip install .\n          {DISCOVERY}\n"
        },
        {".gitlab-ci.yml": f"test:\n  script:\n    - pip install .\n    - uv run {DISCOVERY}\n"},
    ],
)
def test_every_place_for_a_test_command_is_read(read, files: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    project = read({**files, **ODD})
    assert project.runner is RunnerKind.UNITTEST, project.why
    assert project.tests.arguments == ("discover", "-s", "checks", "-p", "*tests.py")
    assert project.tests.files == ("checks/calc_tests.py",)
    assert project.is_test_path("checks/calc_tests.py")
    assert not project.is_test_path("calc.py")
    assert any(next(iter(files)) in sentence for sentence in project.why)
    assert "checks" in pytest_setup(project, "python").import_roots


@pytest.mark.parametrize(
    ("levels", "folder"),
    [
        ("{}", "."),
        ("{step: server}", "server"),
        ("{job: server, workflow: .}", "server"),
        ("{workflow: ./server/}", "server"),
        ("{step: ../elsewhere}", None),
        ("{step: '${{ matrix.part }}'}", None),
    ],
)
def test_the_folder_that_a_workflow_runs_its_commands_in(
    read,  # type: ignore[no-untyped-def]
    levels: str,
    folder: str | None,
) -> None:
    named = yaml.safe_load(levels)
    defaults = {
        level: {"defaults": {"run": {"working-directory": named[level]}}} if level in named else {}
        for level in ("job", "workflow")
    }
    step = {"run": DISCOVERY} | ({"working-directory": named["step"]} if "step" in named else {})
    jobs = {"test": {**defaults["job"], "steps": [step]}}
    workflow = json.dumps({**defaults["workflow"], "jobs": jobs})
    odd = {f"server/{name}": text for name, text in ODD.items()} if folder == "server" else ODD
    project = read({".github/workflows/ci.yml": workflow, **odd})
    is_read = project.runner is RunnerKind.UNITTEST
    assert is_read == (folder is not None), project.why
    if is_read:
        assert project.tests.folder == folder


def test_pytest_takes_the_place_of_a_discovery_that_finds_the_same(read) -> None:  # type: ignore[no-untyped-def]
    tox = "[testenv]\ncommands = python -m unittest discover -s checks\n"
    files = {"tox.ini": tox, "checks/test_a.py": CASE, "calc.py": ""}
    project = read(files)
    assert (project.runner, project.tests.paths) == (RunnerKind.PYTEST, ("checks",))
    # Discovery goes into packages alone: `deeper` holds tests for pytest only.
    assert read({**files, "checks/deeper/test_b.py": CASE}).runner is RunnerKind.UNITTEST


@pytest.mark.parametrize(
    ("command", "program", "arguments", "folder"),
    [
        ("python -m unittest calc.tests", ("-m", "unittest"), ("calc.tests",), "."),
        ("trial -j4 calc.tests", ("-m", "twisted.trial"), ("calc.tests",), "."),
        ("nose2 -s tests", ("-m", "nose2"), ("-s", "tests"), "."),
        ("python -m nose2", ("-m", "nose2"), (), "."),
        (
            "stestr run calc.tests",
            ("-m", "unittest"),
            ("discover", "-s", "./calc/tests", "-t", ".", "-k", "calc.tests"),
            ".",
        ),
        (
            "python -X dev ./manage.py test shop --parallel 4 --failfast",
            ("manage.py",),
            ("test", "shop", "--noinput"),
            ".",
        ),
        ("cd site && python manage.py test", ("manage.py",), ("test", "--noinput"), "site"),
        ("cd site; coverage run manage.py test", ("manage.py",), ("test", "--noinput"), "site"),
        ("django-admin test calc", ("-m", "django"), ("test", "calc", "--noinput"), "."),
        ("uv run --extra dev runtests.py -v", ("runtests.py",), ("-v",), "."),
        ("python -m calc.selftest", ("-m", "calc.selftest"), (), "."),
    ],
)
def test_runners_that_hand_their_tests_to_unittest(  # type: ignore[no-untyped-def]
    read, command: str, program: tuple[str, ...], arguments: tuple[str, ...], folder: str
) -> None:
    files = {
        "manage.py": MANAGE,
        "site/manage.py": MANAGE,
        "runtests.py": RUNTESTS,
        "calc/selftest.py": "import unittest\nunittest.TextTestRunner().run(suite())\n",
        "calc/tests/test_a.py": CASE,
        ".stestr.conf": "[DEFAULT]\ntest_path=${OS_TEST_PATH:-./calc/tests}\ntop_dir=./\n",
    }
    given = read(files, test=command)
    expected = (RunnerKind.UNITTEST, program, folder)
    assert (given.runner, given.tests.program, given.tests.folder) == expected
    assert tuple(word.removeprefix("./") for word in given.tests.arguments) == tuple(
        word.removeprefix("./") for word in arguments
    )
    declared = read({**files, "Makefile": f"test:\n\t{command}\n"})
    assert (declared.runner, declared.tests.program, declared.tests.folder) == expected
    runner = choose_runner(declared, "python")
    assert isinstance(runner, UnittestRunner)
    assert runner.args == declared.tests.arguments
    if program[0] != "-m":
        place = f"{folder}/{program[0]}".removeprefix("./")
        assert declared.is_test_path(place)
        assert pytest_setup(declared, "python").program == program


@pytest.mark.parametrize(
    "command",
    [
        "make test",
        "python manage.py migrate",
        "pytest || true",
        "pytest $ARGUMENTS",
        "cd ../elsewhere && pytest",
        "make lint && pytest",
        "python absent.py",
        "stestr run 'a|b'",
        "'unclosed",
        "",
    ],
)
def test_what_only_a_shell_understands_is_left_to_it(read, command: str) -> None:  # type: ignore[no-untyped-def]
    project = read({"manage.py": MANAGE, "calc.py": "", "test_a.py": CASE}, test=f"{command} ")
    assert project.runner is RunnerKind.COMMAND
    assert project.tests.arguments == ("sh", "-c", f"{command} ")


def test_files_that_run_their_own_tests_are_places(read) -> None:  # type: ignore[no-untyped-def]
    alone = CASE + "if __name__ == '__main__':\n    unittest.main()\n"
    files = {"t/checklex.py": alone, "t/checkyacc.py": alone, "t/data.py": ""}
    make = "test::\n\t./venv/bin/python t/checklex.py\n\t./venv/bin/python t/checkyacc.py\n"
    project = read({**files, "Makefile": make})
    assert project.runner is RunnerKind.PYTEST
    assert project.tests.paths == project.tests.files == ("t/checklex.py", "t/checkyacc.py")
    given = read(files, test="python t/checklex.py")
    assert (given.runner, given.tests.paths) == (RunnerKind.PYTEST, ("t/checklex.py",))


def test_tox_with_values_of_its_own(read) -> None:  # type: ignore[no-untyped-def]
    tox = (
        "[default]\nmodule = calc\n[testenv]\nsetenv =\n  MODULE={[default]module}\n"
        "commands =\n  python -b '{envdir}/bin/trial' --temp-directory='{envlogdir}/t' "
        "{env:NONE} {posargs:{env:MODULE}}\n"
    )
    project = read({"tox.ini": tox, "calc/test/test_a.py": CASE})
    assert project.tests.program == ("-m", "twisted.trial")
    assert project.tests.arguments == ("calc",)
    moved = (
        "[testenv]\nchangedir = .tox\ncommands =\n"
        "  pytest --doctest-modules {env_site_packages_dir}/calc {tox_root}/calc/test {posargs}\n"
    )
    project = read({"tox.ini": moved, "calc/core.py": EXAMPLES})
    assert project.tests.paths == ("calc", "calc/test")
    assert project.tests.doctest_modules == ("calc/core.py",)


@pytest.mark.parametrize(
    "options",
    [
        "--cov-config {toxinidir}/pyproject.toml --cov-report term --cov calc",
        "--junitxml report.xml --own-plugins-option pyproject.toml",
    ],
)
def test_values_of_options_are_no_places_to_collect_from(read, options: str) -> None:  # type: ignore[no-untyped-def]
    files = {"pyproject.toml": "", "report.xml": "", "calc/__init__.py": "", "t/test_a.py": ""}
    tox = f"[testenv]\ncommands = pytest {options} t\n"
    assert read({**files, "tox.ini": tox}).tests.paths == ("t",)


def test_variables_and_folder_of_a_command_are_kept(read) -> None:  # type: ignore[no-untyped-def]
    files = {"api/tests/test_a.py": PYTEST_FILE, "api/calc.py": ""}
    project = read(files, test="cd api && MODE=fast pytest -k it tests/test_a.py::test_it")
    setup = pytest_setup(project, "python")
    assert (setup.folder, setup.args) == ("api", ("api/tests/test_a.py::test_it",))
    assert setup.variables == {"MODE": "fast"}
    assert setup.addopts == ("-k", "it")
    assert read(files, test="cd api && pytest").tests.paths == ("api",)


def test_django_without_a_command_is_run_by_its_own_program(read) -> None:  # type: ignore[no-untyped-def]
    tests = {"shop/tests.py": "from django.test import TestCase\nclass A(TestCase): pass\n"}
    project = read({"src/manage.py": MANAGE, **tests})
    assert (project.tests.program, project.tests.folder) == (("manage.py",), "src")
    assert project.is_test_path("src/manage.py")
    assert project.is_test_path("shop/tests.py")


def test_a_script_is_preferred_to_nothing(read) -> None:  # type: ignore[no-untyped-def]
    case = "from django.test import TestCase\nclass A(TestCase):\n    def test_a(self): pass\n"
    project = read({"runtests.py": RUNTESTS, "tests/test_a.py": case})
    assert project.tests.program == ("runtests.py",)
    assert project.tests.needs_program


def test_places_and_options_of_the_projects_own_pytest_commands(read) -> None:  # type: ignore[no-untyped-def]
    tox = (
        "[testenv]\ncommands = pytest -n 4 --doctest-modules {posargs:src checks}\n"
        "[testenv:more]\ncommands = pytest more\n"
    )
    files = {f"{place}/test_{place}.py": PYTEST_FILE for place in ("checks", "more", "other")}
    source = {"src/calc.py": '"""\n>>> 1\n1\n"""\n'}
    project = read({**files, **source, "tox.ini": tox})
    assert project.tests.paths == ("src", "checks", "more")
    assert pytest_addopts(project) == ["--doctest-modules"]
    assert project.tests.doctest_modules == ("src/calc.py",)
    bare = read({"scripts/test": "pytest\n"})
    assert bare.tests.paths == ()


EXAMPLES = 'def add(a, b):\n    """\n    >>> add(1, 2)\n    3\n    """\n    return a + b\n'


def test_examples_are_tests_and_their_module_may_be_edited(read) -> None:  # type: ignore[no-untyped-def]
    files = {"calc.py": EXAMPLES, "other.py": "", "notes.txt": ">>> 1\n1\n"}
    project = read(files)
    assert project.has_tests
    assert project.tests.doctest_modules == ("calc.py",)
    assert "--doctest-modules" in pytest_addopts(project)
    assert (project.is_test_path("calc.py"), project.holds_pinned_examples("calc.py")) == (
        False,
        True,
    )
    for command in ("pytest --doctest-modules calc.py", "python -m doctest -v calc.py"):
        given = read(files, test=command)
        assert (given.runner, given.tests.paths) == (RunnerKind.PYTEST, ("calc.py",))
        assert (given.is_test_path("calc.py"), given.holds_pinned_examples("calc.py")) == (
            False,
            True,
        )
    texts = read(files, test="pytest --doctest-glob '*.txt'")
    assert texts.is_test_path("notes.txt")


def test_examples_beside_real_tests_are_run_only_where_the_project_asks(read) -> None:  # type: ignore[no-untyped-def]
    files = {"calc.py": EXAMPLES, "test_calc.py": PYTEST_FILE}
    assert not read(files).tests.doctest_modules
    ini = {"pytest.ini": "[pytest]\naddopts = --doctest-modules\n"}
    assert read({**files, **ini}).tests.doctest_modules == ("calc.py",)


def test_a_command_that_a_person_gave_is_run_whatever_the_files_look_like(read) -> None:  # type: ignore[no-untyped-def]
    assert not read({"calc.py": ""}).has_tests
    assert read({"calc.py": ""}, test="pytest --pyargs calc").has_tests


@pytest.mark.parametrize(
    ("command", "paths", "rest"),
    [
        ("pytest --pyargs calc", ("src/calc",), []),
        (
            "pytest -k it --pyargs calc.checks -m fast",
            ("src/calc/checks",),
            ["-k", "it", "-m", "fast"],
        ),
        (
            "pytest --pyargs calc.checks.test_a::test_it",
            ("src/calc/checks/test_a.py::test_it",),
            [],
        ),
        ("cd more && pytest --pyargs calc test_b.py", ("src/calc", "more/test_b.py"), []),
        ("pytest --pyargs calc numpy", (), ["--pyargs", "calc", "numpy"]),
    ],
)
def test_packages_named_with_pyargs_are_the_projects_own_files(
    read,  # type: ignore[no-untyped-def]
    command: str,
    paths: tuple[str, ...],
    rest: list[str],
) -> None:
    files = {
        **{
            "src/calc/__init__.py": "",
            "src/calc/checks/__init__.py": "",
            "more/test_b.py": PYTEST_FILE,
        },
        **{"src/calc/checks/test_a.py": PYTEST_FILE, "tests/test_slow.py": PYTEST_FILE},
    }
    project = read(files, test=command)
    assert project.tests.paths == paths
    assert pytest_addopts(project) == rest
    if paths:
        assert "tests/test_slow.py" not in project.tests.files


def test_pyargs_in_a_documented_command(read) -> None:  # type: ignore[no-untyped-def]
    files = {
        **{
            "calc/__init__.py": "",
            "calc/tests/__init__.py": "",
            "calc/tests/test_a.py": PYTEST_FILE,
        },
        **{
            "old/test_old.py": PYTEST_FILE,
            "tox.ini": "[testenv]\ncommands = pytest --pyargs calc\n",
        },
    }
    project = read(files)
    assert (project.tests.paths, project.tests.files) == (("calc",), ("calc/tests/test_a.py",))


@pytest.mark.parametrize("pattern", ["*.py", "[a-z]*.py", "test_*.py *.py"])
def test_a_pattern_that_fits_every_file_makes_no_test_of_a_source(read, pattern: str) -> None:  # type: ignore[no-untyped-def]
    project = read(
        {
            "pytest.ini": f"[pytest]\npython_files = {pattern}\n",
            "calc.py": "def add(a, b):\n    return a + b\n",
            "latest/more.py": "X = 1\n",
            "checks/adding.py": PYTEST_FILE,
            "checks/cases.py": CASE,
        }
    )
    assert set(project.tests.files) == {"checks/adding.py", "checks/cases.py"}
    assert project.is_test_path("checks/adding.py")
    assert not project.is_test_path("calc.py")
    assert not project.is_test_path("latest/more.py")


@pytest.mark.parametrize(
    "files",
    [
        {"Makefile": "A = " + "$(A)" * 300_000 + "\ntest:\n\t" + "$(A)" * 200_000},
        {"Makefile": "\0test:\n\t\0\n\ttest\n" + "\t@" * 100_000},
        {"tox.ini": "[testenv]\ncommands = " + "{[testenv]commands}" * 30_000},
        {
            "tox.ini": "[testenv]\nsetenv = A="
            + "{env:A}" * 9000
            + "\ncommands = "
            + "{env:A}" * 9000
        },
        {"tox.ini": "[testenv]\nchangedir = ../../..\ncommands = pytest {posargs:" + "{" * 90_000},
        {"tox.toml": "env = 3\n[env_run_base]\ncommands = [3, [3, {default = 4}], {}]\n"},
        {"pyproject.toml": "[tool]\npoe = {tasks = [1]}\npdm = {scripts = {a = [[[[[[1]]]]]]}}\n"},
        {"pyproject.toml": "[tool.tox]\nlegacy_tox_ini = 3\n[tool.hatch]\nenvs = {a = 3}\n"},
        {".github/workflows/a.yml": "- run: " + "- " * 100_000 + "\n" * 100_000},
        {".github/workflows/a.yml": "script/" * 9_000, ".travis.yml": "task " + "a" * 200_000},
        {"scripts/test": "pytest '" + "\\\n" * 50_000},
        {"noxfile.py": "def tests(s):\n    s.run(*['a'] * 9, 'pytest', '\\0')\n"},
        {".stestr.conf": "=\n[\ntest_path", "Makefile": "test:\n\tstestr run\n"},
        {"manage.py": MANAGE + "\n" * 200_000, "big.py": "class A(" * 30_000},
    ],
)
def test_hostile_commands_are_survived(read, files: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    project = read({**files, "calc.py": EXAMPLES, "tests/test_calc.py": PYTEST_FILE})
    assert project.has_tests
    assert project.is_test_path("tests/test_calc.py")
    assert not project.is_test_path("calc.py")


UNIT, SYSTEM = "python -m unittest discover -s unit", "python -m unittest discover -s system"
ENVIRONMENTS = f"[testenv:a]\ncommands = {UNIT} -v\n[testenv:b]\ncommands = {UNIT}\n  {SYSTEM}\n"
STEPS = {"jobs": {"t": {"steps": [{"run": UNIT}, {"run": SYSTEM}]}}}
TWO = {
    "unit/test_a.py": CASE,
    "system/test_a.py": CASE,
    "system/test_b.py": CASE,
}


@pytest.mark.parametrize(
    "files",
    [
        {"tox.ini": f"[testenv]\ncommands =\n  {UNIT}\n  {SYSTEM}\n"},
        {"tox.ini": ENVIRONMENTS},
        {"Makefile": f"test:\n\t{UNIT} && {SYSTEM}\n"},
        {"Makefile": f"test:\n\t{UNIT}\n\t{SYSTEM}\n\tpython -m unittest system/test_b.py\n"},
        {"scripts/test": f"{UNIT}\n{SYSTEM}\n"},
        {".github/workflows/ci.yml": yaml.dump(STEPS)},
    ],
)
def test_all_unittest_commands_of_a_file_are_run(read, files: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    project = read({**TWO, **files})
    tests = project.tests
    assert tests.runner is RunnerKind.UNITTEST
    assert [call.arguments[:3] for call in tests.calls] == [
        ("discover", "-s", "unit"),
        ("discover", "-s", "system"),
    ]
    assert set(tests.files) == set(TWO)
    runner = choose_runner(project, "python")
    assert isinstance(runner, UnittestRunner)
    assert runner.import_roots == (".", "unit")
    assert [other.import_roots for other in runner.more] == [(".", "system")]
    assert pytest_setup(project, "python").import_roots == (".", "unit", "system")


def test_commands_that_pytest_can_run_together(read) -> None:  # type: ignore[no-untyped-def]
    files = {"unit/test_a.py": CASE, "system/test_b.py": CASE, "other/test_c.py": PYTEST_FILE}
    project = read({**files, "tox.ini": f"[testenv]\ncommands =\n  {UNIT}\n  {SYSTEM}\n"})
    assert project.tests.runner is RunnerKind.PYTEST
    assert project.tests.paths == ("unit", "system")
    assert set(project.tests.files) == {"unit/test_a.py", "system/test_b.py"}


def test_what_a_discovery_runs_already_is_not_run_twice(read) -> None:  # type: ignore[no-untyped-def]
    lines = ["python -m unittest -k test_a", "MODE=slow python -m unittest -k test_a"]
    make = "test:\n" + "".join(f"\t{line}\n" for line in [*lines, DISCOVERY, DISCOVERY + " -v"])
    tests = read({**ODD, "test_top.py": CASE, "Makefile": make}).tests
    assert [call.variables for call in tests.calls] == [(), (), (("MODE", "slow"),)]
    assert tests.arguments[0] == "discover"


def test_of_programs_that_prepare_their_tests_only_the_first_is_run_and_that_is_said(read) -> None:  # type: ignore[no-untyped-def]
    files = {"manage.py": MANAGE, "site1/tests.py": CASE, "site2/tests.py": CASE}
    make = "test:\n\tpython manage.py test site1\n\tpython manage.py test site2 --settings s\n"
    project = read({**files, "Makefile": make})
    assert project.tests.arguments[:2] == ("test", "site1")
    assert not project.tests.more
    assert "not 1 other of its commands" in project.tests.why
