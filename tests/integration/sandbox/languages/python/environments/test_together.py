"""What the tests need that the top does not ask for: plugins of pytest, packages of a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.base import Limits
from sandbox.engines.process import ProcessSandbox
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import InstallFailed
from sandbox.languages.base import Overrides
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.environments.prepare import prepare_environment
from sandbox.languages.python.runners.choose_runner import choose_runner
from sandbox.runners.base import TestReport
from tests.support.snapshot_case import snapshot_of


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> ProcessSandbox:
    return ProcessSandbox(BuildSettings(cache_dir=tmp_path_factory.mktemp("cache")))


def run_of(sandbox: ProcessSandbox, folder: Path, files: dict[str, str], **env: str) -> TestReport:
    snapshot = snapshot_of(folder, files)
    project = understand(snapshot, Overrides(env=env))
    said: list[str] = []
    try:
        built = prepare_environment(sandbox, project, snapshot, said.append)
    except InstallFailed as error:
        if "no package index can be reached" in str(error):
            pytest.skip("needs a package index")
        raise
    with sandbox.open(built.environment, built.source, Limits()) as session:
        runner = choose_runner(project, built.environment.python)
        return runner.run(session, timeout_seconds=120)


def outcomes(report: TestReport) -> dict[str, str]:
    assert not report.collection_errors, report.collection_errors
    return {name: result.outcome.value for name, result in report.results.items()}


@pytest.mark.nightly
def test_plugins_that_the_tests_use_are_installed(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    test = (
        "import pytest\n\n@pytest.mark.asyncio\nasync def test_async(): pass\n\n"
        "def test_mock(mocker): mocker.patch('os.getcwd')\n"
    )
    report = run_of(sandbox, tmp_path, {"test_it.py": test})
    assert outcomes(report) == {
        "test_it.py::test_async": "passed",
        "test_it.py::test_mock": "passed",
    }


@pytest.mark.nightly
@pytest.mark.parametrize("top", ["", '[tool.uv.workspace]\nmembers = ["libs/*"]\n'])
def test_packages_of_a_workspace_are_installed_and_tested_together(
    sandbox: ProcessSandbox, tmp_path: Path, top: str
) -> None:
    described = '[project]\nname = "repair-test-{}"\nversion = "1.5"\ndependencies = [{}]\n'
    test = (
        "import os\nfrom importlib.metadata import version\nimport one\nimport helper_{0}\n\n"
        "def test_it():\n    assert version('repair-test-{0}') == '1.5'\n"
        "    assert os.environ['PLACE'].endswith('/libs/one')\n"
    )
    files = {
        "pyproject.toml": top,
        "libs/one/pyproject.toml": described.format("one", ""),
        "libs/one/tox.ini": "[testenv]\nsetenv = PLACE={toxinidir}\n",
        "libs/one/src/one/__init__.py": "",
        "libs/one/tests/test_it.py": test.format("one"),
        "libs/one/tests/helper_one.py": "",
        "libs/two/pyproject.toml": described.format("two", '"repair-test-one"'),
        "libs/two/src/two/__init__.py": "import one\n",
        "libs/two/tests/test_it.py": test.format("two") + "    import two\n",
        "libs/two/tests/helper_two.py": "",
    }
    report = run_of(sandbox, tmp_path, files)
    names = [f"libs/{name}/tests/test_it.py::test_it" for name in ("one", "two")]
    assert outcomes(report) == dict.fromkeys(names, "passed")
