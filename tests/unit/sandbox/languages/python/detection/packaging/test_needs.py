"""Which packages, Pythons and compiled modules a project's files ask for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.project import PythonProject
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot

Understand = Callable[..., PythonProject]
TEST = "def test_it():\n    assert True\n"


@pytest.fixture
def understood(tmp_path: Path) -> Understand:
    def take(files: dict[str, str]) -> PythonProject:
        for path, text in {"test_it.py": TEST, **files}.items():
            (tmp_path / "calc" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "calc" / path).write_text(text)
        tree = resolve(str(tmp_path / "calc"), None, tmp_path / "scratch")
        return understand(take_snapshot(tree, tmp_path / "snapshots"))

    return take


def test_conditional_extras_of_setuptools(understood: Understand) -> None:
    setup = """
from setuptools import setup
setup(name="calc", install_requires=["attrs"], extras_require={
    ':python_version<"3.8"': ["importlib-metadata; os_name == 'posix'"],
    "tests": ["mock"], "tests:sys_platform == 'win32'": ["colorama"]})
"""
    project = understood({"setup.py": setup})
    marked = "importlib-metadata; (os_name == 'posix') and (python_version<\"3.8\")"
    assert project.metadata.dependencies == ("attrs", marked)
    assert project.metadata.extras == {"tests": ("mock", "colorama; sys_platform == 'win32'")}
    assert project.needs.extras == ("tests",)


@pytest.mark.parametrize("asking", ["calc[Full]", "Calc [full]"])
def test_a_group_asks_for_an_extra_of_the_project_itself(
    understood: Understand, asking: str
) -> None:
    pyproject = f"""
[project]
name = "calc"
version = "1"
[project.optional-dependencies]
full = ["calc[fast]", "attrs"]
fast = ["numpy"]
docs = ["sphinx"]
[dependency-groups]
tests = ["pytest", "{asking}"]
"""
    needs = understood({"pyproject.toml": pyproject}).needs
    assert needs.extras == ("fast", "full")
    assert needs.requirements == ("pytest",)


def test_tox_takes_values_of_other_sections(understood: Understand) -> None:
    tox = """
[base]
deps =
    freezegun
    {[more]deps}
[more]
deps = responses
[round]
deps = {[round]deps}
[testenv]
deps =
    {[base]deps}
    {[round]deps}
    {[absent]deps}
    py27: six
    py: hypothesis
    lint: black
"""
    assert understood({"tox.ini": tox}).needs.requirements == (
        "freezegun",
        "responses",
        "hypothesis",
    )


def test_tox_names_dependency_groups(understood: Understand) -> None:
    pyproject = """
[dependency-groups]
checks = ["freezegun"]
[tool.tox.env_run_base]
dependency_groups = ["checks"]
"""
    assert understood({"pyproject.toml": pyproject}).needs.requirements == ("freezegun",)


@pytest.mark.parametrize("name", ["all", "development", "qa", "everything"])
@pytest.mark.parametrize("table", ["project.optional-dependencies", "dependency-groups"])
def test_lists_of_any_name_are_chosen_by_what_they_hold(
    understood: Understand, name: str, table: str
) -> None:
    pyproject = f"""
[project]
name = "calc"
version = "1"
[{table}]
{name} = ["pytest", "attrs"]
docs = ["sphinx"]
"""
    needs = understood({"pyproject.toml": pyproject}).needs
    assert needs.extras == ((name,) if "optional" in table else ())
    assert needs.requirements == (() if "optional" in table else ("pytest", "attrs"))


def test_what_the_tests_import_is_looked_for_in_every_list(understood: Understand) -> None:
    pyproject = """
[project]
name = "calc"
version = "1"
dependencies = ["attrs"]
[project.optional-dependencies]
test = ["pytest"]
config = ["PyYAML>=5", "jinja2"]
docs = ["sphinx"]
[dependency-groups]
storage = ["redis"]
"""
    test = "import attr, yaml\nfrom redis import Redis\nfrom calc import it\nimport mock\n" + TEST
    sometimes = "try:\n    import sphinx\nexcept ImportError:\n    sphinx = None\n"
    needs = understood(
        {"pyproject.toml": pyproject, "calc.py": "it = 1", "test_it.py": test + sometimes}
    ).needs
    assert needs.extras == ("config", "test")
    assert needs.requirements == ("redis", "mock")
    assert "the tests import yaml: extra config" in needs.why


WORKFLOW = """
jobs:
  tests:
    strategy:
      matrix:
        python-version: ["3.8", '3.9']  # and 3.7 once
        include:
          - python-version: 3.10
    steps:
      - uses: actions/setup-python@v5.11
      - run: pytest
"""
TRAVIS = "language: python\npython:\n  - 3.6\n  - '3.7'\nscript: python -m pytest\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".github/workflows/ci.yml": WORKFLOW}, {"CI": ("3.8", "3.9", "3.10")}),
        ({".github/workflows/docs.yml": "python-version: 3.13\nrun: mkdocs"}, {}),
        (
            {
                ".github/workflows/tests.yml": "python-version: [3.9, 3.13]\nrun: python -m tests",
                ".github/workflows/coverage.yml": "python-version: 3.8\nrun: pytest --cov",
            },
            {"CI": ("3.8", "3.9", "3.13")},
        ),
        ({".travis.yml": TRAVIS}, {"CI": ("3.6", "3.7")}),
        ({"tox.ini": "[tox]\nenvlist = py{27,36,38}-x, py310"}, {"tox": ("3.6", "3.8", "3.10")}),
        (
            {"noxfile.py": "V = ['3.9']\n@nox.session(python=V)\ndef tests(session): pass\n"},
            {"nox": ("3.9",)},
        ),
    ],
)
def test_the_pythons_that_a_project_is_tested_on(
    understood: Understand, files: dict[str, str], expected: dict[str, tuple[str, ...]]
) -> None:
    assert understood(files).tested_pythons == expected


@pytest.mark.parametrize("tox", ["", "[testenv]\nextras = dev\ncommands = pytest\n"])
def test_tools_in_an_extra_for_developers_are_left_out(understood: Understand, tox: str) -> None:
    setup = "[metadata]\nname = calc\n[options.extras_require]\nfast = numpy\n"
    dev = "dev =\n    pytest\n    black\n    mypy==1.0\n    sphinx\n    attrs>=20\n    calc[fast]\n"
    files = {"setup.py": "", "setup.cfg": setup + dev, "tox.ini": tox}
    needs = understood({**files, "test_calc.py": f"import mypy.api\n{TEST}"}).needs
    assert needs.extras == ("fast",)
    assert needs.requirements == ("pytest", "mypy==1.0", "attrs>=20")
    assert any("the extra dev is for its tests, without tools" in why for why in needs.why)


def test_a_tool_that_a_plugin_of_the_tests_is_for_keeps_its_version(
    understood: Understand,
) -> None:
    setup = "[metadata]\nname = calc\n[options.extras_require]\n"
    dev = "dev =\n    black==23.1\n    mypy==1.17\n    pytest-mypy-plugins==3.2\n"
    needs = understood({"setup.py": "", "setup.cfg": setup + dev, "test_calc.py": ""}).needs
    assert needs.requirements == ("mypy==1.17", "pytest-mypy-plugins==3.2")


def test_an_extra_for_developers_without_tools_is_taken_whole(understood: Understand) -> None:
    setup = "[metadata]\nname = calc\n[options.extras_require]\ndev =\n    pytest\n    attrs\n"
    needs = understood({"setup.py": "", "setup.cfg": setup, "test_calc.py": ""}).needs
    assert (needs.extras, needs.requirements) == (("dev",), ())


@pytest.mark.parametrize(
    ("files", "tool", "modules"),
    [
        ({"setup.py": "setup(ext_modules=[Extension('calc._c', ['c.c'])])"}, "setuptools", 1),
        ({"setup.py": "setup(**{'ext_modules': [Extension(name='calc._c')]})"}, "setuptools", 1),
        ({"setup.py": "setup(ext_modules=cythonize('*.pyx'))"}, "setuptools", 0),
        ({"pyproject.toml": "[build-system]\nbuild-backend='mesonpy'"}, "meson-python", 0),
        ({"pyproject.toml": "[build-system]\nrequires=['Cython>=3']"}, "Cython", 0),
        (
            {"pyproject.toml": "[build-system]\nbuild-backend='scikit_build_core.build'"},
            "scikit-build",
            0,
        ),
        ({"pyproject.toml": "[build-system]\nrequires=['setuptools-rust']"}, "Rust", 0),
        (
            {"pyproject.toml": "[[tool.setuptools.ext-modules]]\nname='calc._c'"},
            "setuptools",
            1,
        ),
    ],
)
def test_declared_extensions(
    understood: Understand, files: dict[str, str], tool: str, modules: int
) -> None:
    extensions = understood(files).extensions
    assert extensions is not None
    assert (extensions.tool, extensions.modules) == (tool, ("calc._c",) * modules)


@pytest.mark.parametrize("setup", ["setup(name='calc')", "setup(ext_modules=[])", "1/0"])
def test_a_project_without_extensions(understood: Understand, setup: str) -> None:
    assert understood({"setup.py": setup}).extensions is None


def test_the_package_of_the_projects_name_in_a_folder_of_its_own(understood: Understand) -> None:
    pyproject = "[project]\nname = 'Calc-It'\nversion = '1'\n"
    project = understood({"pyproject.toml": pyproject, "lib/calc_it/__init__.py": ""})
    assert project.import_roots == ("lib", ".")


def test_a_source_with_a_newline_in_its_name_is_passed_over_and_named(
    understood: Understand,
) -> None:
    project = understood({"calc.py": "", "bro\nken.py": "", "test_o\ndd.py": TEST})
    assert project.tests.files == ("test_it.py",)
    assert project.modules == {"calc", "test_it"}
    assert [note.partition(" has")[0] for note in project.notes] == [
        "'bro\\nken.py'",
        "'test_o\\ndd.py'",
    ]


PACKAGE = '[project]\nname = "calc"\nversion = "1"\ndependencies = ["attrs"]\n'
TOX = "[testenv]\ndeps = pytest\n"


def test_a_packages_general_requirements_are_for_developers_where_tests_have_their_own(
    understood: Understand,
) -> None:
    files = {"pyproject.toml": PACKAGE, "requirements.txt": "attrs\nblist\nscipy\n"}
    assert understood(files).needs.main_files == ("requirements.txt",)
    assert understood({**files, "tox.ini": TOX}).needs.main_files == ()
    uses = "import scipy\n" + TEST
    assert understood({**files, "test_it.py": uses}).needs.main_files == ("requirements.txt",)


def test_an_applications_requirements_are_installed(understood: Understand) -> None:
    files = {"requirements.txt": "attrs\n", "tox.ini": TOX}
    assert understood(files).needs.main_files == ("requirements.txt",)


OPTIONAL = """
[project]
name = "calc"
version = "1"
[project.optional-dependencies]
attrs = ["attrs"]
models = ["pydantic"]
docs = ["sphinx"]
"""


def test_tests_of_optional_parts_have_their_extras_but_no_pins(understood: Understand) -> None:
    """Each optional part has an environment of its own that runs the tests of the base."""
    tox = """
[tox]
envlist = py{310,311},min-attrs,attrs,full,docs
[testenv]
deps =
    pytest
    min-attrs: attrs==20.1.0
extras =
    min-attrs,attrs,full: attrs
    full: models
    docs: docs
commands = pytest
[testenv:docs]
commands = sphinx-build docs
"""
    needs = understood({"pyproject.toml": OPTIONAL, "tox.ini": tox}).needs
    assert needs.extras == ("attrs", "models")
    assert needs.requirements == ("pytest",)


@pytest.mark.parametrize(
    ("values", "argument"),
    [
        ('["", f"{ROOT}[attrs]", f"{ROOT}[models]"]', "installable"),
        ("CHOICES", "installable"),
        ('["x"]', 'f"{ROOT}[attrs,models]"'),
    ],
)
def test_extras_of_paths_that_nox_puts_together(
    understood: Understand, values: str, argument: str
) -> None:
    noxfile = f"""
import nox, pathlib
ROOT = pathlib.Path(__file__).parent
CHOICES = [nox.param(v, id=n) for n, v in [("a", f"{{ROOT}}[attrs]"), ("m", f"{{ROOT}}[models]")]]
@nox.session
@nox.parametrize("installable", {values})
def tests(session, installable):
    session.install("pytest", {argument})
@nox.session
def docs(session):
    session.install(f"{{ROOT}}[docs]")
"""
    needs = understood({"pyproject.toml": OPTIONAL, "noxfile.py": noxfile}).needs
    assert needs.extras == ("attrs", "models")


def test_tools_in_a_file_for_developers_are_left_out(understood: Understand) -> None:
    files = {
        "requirements/development.txt": "black\nattrs>=20  # for speed\nsphinx_rtd_theme\n"
        "-r ../base.txt\ntwine==4\nisort\n",
        "base.txt": "click\n",
        "test_it.py": f"import isort\n{TEST}",
    }
    needs = understood(files).needs
    assert needs.requirements == ("attrs>=20", "isort")
    assert needs.test_files == ("base.txt",)
    assert any("requirements/development.txt, without tools" in why for why in needs.why)


@pytest.mark.parametrize("line", ["-e ./own", "black --hash=sha256:00", "./plugin", "pluggy"])
def test_a_file_for_developers_is_read_whole_where_its_lines_cannot_be(
    understood: Understand, line: str
) -> None:
    tool = "" if line == "pluggy" else "black\n"
    files = {"requirements-dev.txt": f"{tool}attrs\n{line}\n"}
    assert understood(files).needs.test_files == ("requirements-dev.txt",)


def test_extras_for_linters_are_left_out_where_tox_names_them(understood: Understand) -> None:
    extras = """
[project]
name = "calc"
[project.optional-dependencies]
test = ["pytest"]
type = ["pytest-mypy >= 1.0; platform_python_implementation != 'PyPy'", "types-six"]
check = ["pytest-checkdocs", "pytest-ruff"]
fast = ["orjson"]
"""
    tox = "[testenv]\ncommands = pytest\nextras =\n    test\n    type\n    check\n    fast\n"
    assert understood({"pyproject.toml": extras, "tox.ini": tox}).needs.extras == ("fast", "test")


def test_a_packages_general_requirements_are_taken_without_tools(understood: Understand) -> None:
    package = f"{PACKAGE}[project.optional-dependencies]\nfull = ['six']\n"
    lines = (
        "-e .[full]\n# Tests\npytest==8.4.1\ntypes-six==1\n# Documentation\nmkdocs-material==9\n"
    )
    needs = understood({"pyproject.toml": package, "requirements.txt": lines}).needs
    assert needs.extras == ("full",)
    assert needs.requirements == ("pytest==8.4.1",)
    assert needs.main_files == needs.test_files == ()


def test_what_installs_others_is_no_need_of_the_tests(understood: Understand) -> None:
    tox = "[testenv]\ndeps =\n    poetry\n    pytest\ncommands =\n    poetry install\n    pytest\n"
    assert understood({"tox.ini": tox}).needs.requirements == ("pytest",)
    imports = {"test_it.py": f"import poetry\n{TEST}"}
    assert understood({"tox.ini": tox, **imports}).needs.requirements == ("poetry", "pytest")


def test_tox_may_say_why_it_needs_something(understood: Understand) -> None:
    line = 'setuptools; python_version >= "3.12"'
    tox = f"[testenv]\ndeps =\n    # for tests\n    {line}  # which x imports\n    pytest\n"
    assert understood({"tox.ini": tox}).needs.requirements == (line, "pytest")
