"""Variables of the tests: where they are read, which one wins, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.languages.base import Overrides
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.project import PythonProject
from tests.support.snapshot_case import snapshot_of

READS = "import os\nA = os.environ['A']\nB = os.environ.get('B')\nC = os.getenv('C', 'x')\n"
TEST = "def test_it(): pass\n"
NOX = """\
import nox

@nox.session
def tests(session):
    session.env['A'] = '1'
    session.env.update({'B': '2'})
    session.install('x', env={'Z': '1'})
    session.run('pytest', env={'C': '3'})

@nox.session(name='unit-test')
def unit(session):
    session.run('pip', 'x', env={'Z': '1'})
    session.run('pytest', env={'D': '4'})

@nox.session
def docs(session):
    session.env['Z'] = '1'
"""
WORKFLOW = """\
env:
  A: of-the-workflow
  FORCE_COLOR: "1"
jobs:
  lint:
    env: {A: lint}
    steps: [{run: ruff check}]
  tests:
    env:
      B: of-the-job
      TOKEN: ${{ secrets.TOKEN }}
      UNREAD: "1"
    steps:
      - uses: actions/checkout@v5
      - run: |
          pip install .
          pytest -q
        env:
          C: of-the-step
"""


def understood(tmp_path: Path, files: dict[str, str], **given: str) -> PythonProject:
    snapshot = snapshot_of(tmp_path, {"calc.py": READS, "tests/test_calc.py": TEST, **files})
    return understand(snapshot, Overrides(env=given))


CASES: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"tox.ini": "[testenv]\nsetenv =\n  A = 1\n  B=x=y\n"}, {"A": "1", "B": "x=y"}),
    ({"tox.ini": "[testenv]\nset_env = A=1\n"}, {"A": "1"}),
    (
        {"tox.ini": "[testenv]\nsetenv=A=1\n[testenv:py]\nsetenv=\n {[testenv]setenv}\n B=2"},
        {"A": "1", "B": "2"},
    ),
    ({"tox.ini": "[v]\nkey = 7\n[testenv]\nsetenv = A={[v]key}\n"}, {"A": "7"}),
    (
        {"tox.ini": "[testenv]\nsetenv =\n A={toxinidir}/data\n B={tox_root}{:}x{/}y\n"},
        {"A": "{workspace}/data", "B": "{workspace}:x/y"},
    ),
    ({"tox.ini": "[testenv]\nsetenv =\n A={env:A:{env:B:deep}}\n B={envdir}/x"}, {"A": "deep"}),
    (
        {"tox.ini": '[testenv]\nsetenv =\n A={"k": 1}\n B=\\{x\\}\n'},
        {"A": '{"k": 1}', "B": "{x}"},
    ),
    ({"tox.ini": "[testenv:lint]\nsetenv = A=1\n[testenv:py38]\nsetenv = B=2\n"}, {"B": "2"}),
    (  # an optional part, which is not installed where the base runs the tests
        {
            "tox.ini": "[testenv]\ncommands = pytest\n[testenv:py311-fuse]\nextras = fuse\n"
            "setenv = A=fuse\n[testenv:unit-py312]\nsetenv = B=1\n"
        },
        {"B": "1"},
    ),
    ({"tox.ini": "[testenv]\nsetenv =\n py27: A=old\n !py27-!x,y: B=2\n"}, {"B": "2"}),
    (
        {"tox.ini": "[testenv]\nsetenv = file|cfg/.env\n", "cfg/.env": "export A='1' # one\n"},
        {"A": "1"},
    ),
    ({"setup.cfg": "[tox:tox]\n[testenv]\nsetenv = A=1\n"}, {"A": "1"}),
    (
        {"pyproject.toml": '[tool.tox]\nlegacy_tox_ini = "[testenv]\\nsetenv = A=1"\n'},
        {"A": "1"},
    ),
    ({"tox.toml": '[env_run_base]\nset_env = {A = "{tox_root}"}\n'}, {"A": "{workspace}"}),
    ({"pyproject.toml": '[tool.tox.env.test]\nset_env.A = "1"\n'}, {"A": "1"}),
    (
        {"pyproject.toml": '[tool.hatch.envs.test.env-vars]\nA = "{root}/x"\n'},
        {"A": "{workspace}/x"},
    ),
    (
        {"hatch.toml": "[envs.default.env-vars]\nA='1'\nB='1'\n[envs.test.env-vars]\nB='2'\n"},
        {"A": "1", "B": "2"},
    ),
    ({"noxfile.py": NOX}, {"A": "1", "B": "2", "C": "3", "D": "4"}),
    (
        {"pytest.ini": "[pytest]\nenv =\n  A=1\n  D:B=2\n  R:C={x}\n"},
        {"A": "1", "B": "2", "C": "{x}"},
    ),
    ({"pyproject.toml": '[tool.pytest.ini_options]\nenv = ["A=1", "U:B=2"]\n'}, {"A": "1"}),
    (
        {"pyproject.toml": "[tool.pytest_env]\nA='1'\nB={value='{x}'}\nC={unset=true}\n"},
        {"A": "1", "B": "{x}"},
    ),
    (
        {"pyproject.toml": '[tool.pdm.scripts]\n_.env = {A = "1"}\ntest.env = {B = "2"}\n'},
        {"A": "1", "B": "2"},
    ),
    (
        {"pyproject.toml": '[tool.poe]\nenvfile = "x.env"\n', "x.env": 'A="a\\nb"\nB=$(id)\n'},
        {"A": "a\nb"},
    ),
    ({"pyproject.toml": '[tool.repair]\nenv = {A = "1", B = 2}\n'}, {"A": "1", "B": "2"}),
    (
        {".github/workflows/ci.yml": WORKFLOW},
        {"A": "of-the-workflow", "B": "of-the-job", "C": "of-the-step"},
    ),
    (
        {".gitlab-ci.yml": "variables: {A: a}\nunit:\n  variables: {B: b}\n  script: [tox]\n"},
        {"A": "a", "B": "b"},
    ),
    ({".env.test": "A=1\nZ=unread\n"}, {"A": "1"}),
    ({".env.example": "A=1\nB=optional\n"}, {"A": "1"}),
]


@pytest.mark.parametrize(("files", "expected"), CASES)
def test_variables_are_read_where_projects_write_them(
    tmp_path: Path, files: dict[str, str], expected: dict[str, str]
) -> None:
    assert dict(understood(tmp_path, files).variables) == expected


def test_the_user_comes_first_then_the_own_table_then_the_files(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "[tool.repair]\nenv={A='own', B='own'}\n[tool.pytest_env]\nC='env'\n",
        "tox.ini": "[testenv]\nsetenv =\n A=tox\n B=tox\n C=tox\n D=tox\n",
        ".env.test": "D=file\n",
    }
    project = understood(tmp_path, files, A="user")
    assert project.variables == {"A": "user", "B": "own", "C": "env", "D": "tox"}
    assert "the tests run with A from the user" in project.why


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "TMPDIR", "BASH_ENV", "LD_PRELOAD", "REPAIR_IMPORT_ROOTS"),
        *("PYTHONSTARTUP", "PYTHONHOME", "PYTHONWARNINGS", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"),
        "COVERAGE_PROCESS_START",
    ],
)
def test_what_would_steer_the_interpreter_is_refused_with_a_note(tmp_path: Path, name: str) -> None:
    project = understood(tmp_path, {"tox.ini": f"[testenv]\nsetenv =\n {name}=x\n A=1\n"})
    assert project.variables == {"A": "1"}
    assert any(f"{name} (tox.ini)" in note for note in project.notes)


def test_pythonpath_leads_to_folders_of_the_project_alone(tmp_path: Path) -> None:
    setenv = "PYTHONPATH={toxinidir}:{toxinidir}/lib:/usr/lib:{toxinidir}/../x"
    files = {"tox.ini": f"[testenv]\nsetenv = {setenv}\n", "lib/more.py": ""}
    project = understood(tmp_path, files)
    assert (project.import_roots, dict(project.variables)) == (("lib", "."), {})
    assert any("PYTHONPATH=/usr/lib" in note for note in project.notes)
    assert any("PYTHONPATH={workspace}/../x" in note for note in project.notes)


def test_sizes_are_bounded(tmp_path: Path) -> None:
    lines = "".join(f" V{i}=1\n" for i in range(500))
    long = "x" * 10_000
    project = understood(tmp_path, {"tox.ini": f"[testenv]\nsetenv =\n LONG={long}\n{lines}"})
    assert len(project.variables) == 200
    assert "LONG" not in project.variables
    assert all(len(note) < 1000 for note in project.notes)


def test_a_circle_of_references_ends(tmp_path: Path) -> None:
    circle = "[a]\nk={[b]k}{[b]k}\n[b]\nk={[a]k}{[a]k}\n"
    tox = f"{circle}[testenv]\nsetenv =\n A={{[a]k}}\n {{[testenv]setenv}}\n"
    assert understood(tmp_path, {"tox.ini": tox}).variables == {}


def test_what_only_some_of_the_jobs_set_is_a_variant(tmp_path: Path) -> None:
    variant = "  pure:\n    env: {B: variant}\n    steps: [{run: tox -e pure}]\n"
    project = understood(tmp_path, {".github/workflows/ci.yml": WORKFLOW + variant})
    assert project.variables == {"A": "of-the-workflow", "B": "of-the-job"}


@pytest.mark.parametrize(
    ("code", "value", "taken"),
    [
        ("os.environ['URL']", "postgres://db/x", True),
        ("os.environ.get('URL', 'sqlite://')", "postgres://db/x", False),
        ("os.environ.get('URL', 'sqlite://')", "sqlite:///x.db", True),
        ("env('URL')", "redis://localhost", True),
        ("1\nassert 'URL' in os.environ", "redis://localhost", True),
        ("env('URL', default='')", "redis://localhost", False),
        ("config('URL')", "amqp://x", True),
    ],
)
def test_a_service_of_another_machine_is_named_only_where_the_code_needs_one(
    tmp_path: Path, code: str, value: str, taken: bool
) -> None:
    workflow = f"env: {{URL: '{value}'}}\njobs: {{t: {{steps: [{{run: pytest}}]}}}}\n"
    files = {"settings.py": f"URL = {code}\n", ".github/workflows/t.yaml": workflow}
    assert ("URL" in understood(tmp_path, files).variables) is taken


SETTINGS = """\
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_")
    database_url: str
    key: SecretStr = Field(..., alias="the_key")
    debug: bool = False
"""


def test_the_fields_of_pydantic_settings_are_names_that_the_code_reads(tmp_path: Path) -> None:
    example = "APP_DATABASE_URL=postgres://x\nTHE_KEY=changeme\nAPP_DEBUG=1\n"
    project = understood(tmp_path, {"settings.py": SETTINGS, ".env.example": example})
    assert project.variables == {"APP_DATABASE_URL": "postgres://x", "THE_KEY": "changeme"}


@pytest.mark.parametrize(
    "files",
    [
        {".github/workflows/t.yml": "jobs: [pytest\n"},
        {".github/workflows/t.yml": "jobs: pytest\nenv: []\n"},
        {".github/workflows/t.yml": "[" * 5000 + "pytest"},
        {".github/workflows/t.yml": "a: &a {x: pytest}\nb: &b {<<: [*a, *a]}\njobs: *b\n"},
        {"tox.ini": "[testenv\nsetenv"},
        {"hatch.toml": "envs = 3\n"},
        {"pyproject.toml": "[tool.repair]\nenv = 3\n[tool.tox]\nlegacy_tox_ini = 3\n"},
        {"noxfile.py": "def tests(session):\n    session.run(env=3)\n    session.env.update()\n"},
    ],
)
def test_broken_files_become_notes_and_no_variables(tmp_path: Path, files: dict[str, str]) -> None:
    assert understood(tmp_path, files).variables == {}
