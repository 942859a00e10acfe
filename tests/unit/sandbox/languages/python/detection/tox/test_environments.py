"""tox: one reading of its environments serves commands, needs, variables and Pythons alike."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.tox.environments import tox_environments, tox_names
from sandbox.languages.python.detection.tox.factors import anywhere, where_tests_run
from sandbox.languages.python.detection.tox.needs import tox_needs
from sandbox.languages.python.detection.tox.substitution import substituted, with_sections
from sandbox.languages.python.detection.tox.tox_commands import tox_commands
from sandbox.languages.python.detection.tox.variables import tox_variables
from tests.support.snapshot_case import snapshot_of

Read = Callable[[Mapping[str, str]], ConfigFiles]
INI = """\
[shared]
place = checks
packages =
    freezegun
    py38,py311: responses
[testenv]
deps =
    {[shared]packages}
    -r{toxinidir}/pins.txt
setenv =
    PLACE = {[shared]place}
    py311: DATA = {toxinidir}/data
commands = pytest {posargs:{env:PLACE}} {tox_root}/more
"""
TOML = """\
[env_run_base]
deps = ["freezegun", "py38,py311: responses", "-r{tox_root}/pins.txt"]
set_env = {PLACE = "checks", DATA = "{tox_root}/data"}
commands = [["pytest", {replace = "posargs", default = ["{env:PLACE}"]}, "{tox_root}/more"]]
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    return lambda files: ConfigFiles(snapshot_of(tmp_path, {"pins.txt": "", **files}))


def _indented(toml: str) -> str:
    return toml.replace("[env_run_base]", "[tool.tox.env_run_base]")


@pytest.mark.parametrize(
    "files",
    [
        {"tox.ini": INI},
        {"setup.cfg": "[tox:tox]\n" + INI},
        {"pyproject.toml": f"[tool.tox]\nlegacy_tox_ini = '''\n{INI}'''\n"},
        {"tox.toml": TOML},
        {"pyproject.toml": _indented(TOML)},
    ],
    ids=["tox.ini", "setup.cfg", "legacy_tox_ini", "tox.toml", "pyproject.toml"],
)
def test_every_form_gives_commands_needs_and_variables(read: Read, files: dict[str, str]) -> None:
    source = next(iter(files))
    config = read(files)
    ((file, command, folder),) = tox_commands(config)
    assert (file, shlex.split(command), folder) == (source, ["pytest", "checks", "more"], ".")
    needs = tox_needs(config)
    assert (needs.requirements, needs.files) == (("freezegun", "responses"), {"pins.txt"})
    assert dict(tox_variables(config)) == {
        source: {"PLACE": "checks", "DATA": "{workspace}/data"},
    }


def test_environments_that_run_the_tests_come_first(read: Read) -> None:
    names = ("docs", "dev", "py38", "py-x", "pylint", "3.11", "tests")
    sections = "".join(f"[testenv:{name}]\ndeps =\n" for name in names)
    found = tox_environments(read({"tox.ini": f"{sections}[testenv]\ndeps =\n"}))
    order = ["tests", "", "3.11", "py38", "py-x", "dev", "docs", "pylint"]
    assert [environment.name for environment in found] == order
    assert [e.name for e in found if not e.runs_tests] == ["docs", "pylint"]


def test_what_an_environment_does_not_set_is_of_the_base(read: Read) -> None:
    base = "[testenv]\nchangedir = checks\ndeps = freezegun\nsetenv = A=1\n"
    tests = "[testenv:tests]\nextras = more\ncommands = pytest {env:A:2} {toxinidir}/calc\n"
    config = read({"tox.ini": base + tests})
    assert list(tox_commands(config)) == [("tox.ini", "pytest 1 ../calc", "checks")]
    needs = tox_needs(config)
    assert (needs.extras, needs.requirements) == ({"more"}, ("freezegun",))
    assert dict(tox_variables(config)) == {"tox.ini": {"A": "1"}}


def test_setup_cfg_is_read_only_where_there_is_no_tox_ini(read: Read) -> None:
    config = read({"tox.ini": "[tox]\nenvlist = py39\n", "setup.cfg": "[tox:tox]\n" + INI})
    assert (tox_environments(config), tox_names(config)) == ((), ("py39",))


def test_defaults_of_the_machine_are_followed_in_requirements_too(read: Read) -> None:
    deps = "attrs{env:ATTRS:>20}\n  six {posargs}\n  {envtmpdir}/x\n  -e {toxinidir}[fast]\n"
    needs = tox_needs(read({"tox.ini": f"[testenv]\ndeps =\n  {deps}"}))
    assert (needs.requirements, needs.extras) == (("attrs>20", "six"), {"fast"})


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        *(("py", True), ("py311", True), ("py3.11", True), ("py27", False), ("tests", True)),
        *(("py{27,38}-unit", True), ("py38-django42", False), ("django,py", True)),
        *(("!py27", True), ("!tests", False), ("!py27-!x,y", True), ("pypy3", False)),
        *(("coverage", False), ("{a,b}", False), ("py{", False)),
    ],
)
def test_where_a_line_with_factors_holds(condition: str, holds: bool) -> None:
    line = f"{condition}: A=b: c"
    assert where_tests_run(line) == ("A=b: c" if holds else "")
    assert anywhere(line) == "A=b: c"


def test_lines_without_factors_and_those_of_coverage() -> None:
    assert where_tests_run("A=http://x") == "A=http://x"
    assert where_tests_run("coverage: x", coverage=True) == "x"
    assert where_tests_run("py:") == ""
    assert where_tests_run("{a,b}" * 40 + ": x") == ""


def test_references_that_cannot_be_resolved() -> None:
    sections = {"a": {"k": "{[b]k}" * 2}, "b": {"k": "{[a]k}" * 2}}
    assert len(with_sections("{[a]k}{[none]k}" * 1000, sections)) < 100_000
    assert with_sections("x{[none]k}", sections) == "x{[none]k}"
    for text in ("{none}", "{[a]k}", "{env:A:{none}}"):
        assert substituted(text, {}) is None
        assert substituted(text, {}, unknown="$") == "$"
    assert substituted('{"k": {"j": 1}} \\{x\\}', {}) == '{"k": {"j": 1}} {x}'
    assert substituted("{env:A:1}{env:B:2}", {}, {"A": "x"}) == "x2"
    assert substituted("{env:A:}" * 1000, {}, {"A": "{env:A}"}) is None
