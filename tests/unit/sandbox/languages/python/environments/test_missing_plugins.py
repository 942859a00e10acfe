"""Plugins of pytest that the tests use and the project forgets to ask for are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.environments.recipe import write_recipe
from tests.support.snapshot_case import snapshot_of

ASYNC = "import pytest\n@pytest.mark.{}\nasync def test_it(): pass\n"
TAKES = "def test_it({}): pass\n"


def requirements(tmp_path: Path, files: dict[str, str]) -> tuple[str, ...]:
    snapshot = snapshot_of(tmp_path, {"calc.py": "", **files})
    return write_recipe(understand(snapshot), snapshot).requirements


@pytest.mark.parametrize(
    ("files", "plugin"),
    [
        ({"pytest.ini": "[pytest]\nasyncio_mode = auto\n"}, "pytest-asyncio"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\ntrio_mode = true\n"}, "pytest-trio"),
        ({"test_a.py": ASYNC.format("asyncio")}, "pytest-asyncio"),
        ({"test_a.py": ASYNC.format("anyio")}, "anyio"),
        ({"test_a.py": "import pytest\npytestmark = pytest.mark.trio\n"}, "pytest-trio"),
        ({"test_a.py": TAKES.format("tmp_path, mocker")}, "pytest-mock"),
        ({"conftest.py": "@pytest.fixture\ndef x(requests_mock): pass\n"}, "requests-mock"),
        ({"test_a.py": "class TestA:\n    def test_a(_, benchmark): 0\n"}, "pytest-benchmark"),
        ({"test_a.py": TAKES.format("snapshot")}, "syrupy"),
        (
            {"test_a.py": "def test_a(snapshot):\n    snapshot.assert_match(1, 'x')\n"},
            "pytest-snapshot",
        ),
        ({"test_a.py": TAKES.format("snapshot"), "snapshots/snap_test_a.py": ""}, "snapshottest"),
    ],
)
def test_settings_markers_and_fixtures_say_which(
    tmp_path: Path, files: dict[str, str], plugin: str
) -> None:
    assert requirements(tmp_path, {"test_other.py": TAKES.format(""), **files}) == (plugin,)


@pytest.mark.parametrize(
    "files",
    [
        {"test_a.py": "async def test_a(): pass\n"},
        {"test_a.py": TAKES.format("mocker"), "conftest.py": "def mocker(): pass\n"},
        {"test_a.py": TAKES.format("mocker"), "conftest.py": "from x import mocker\n"},
        {"test_a.py": TAKES.format("mocker"), "conftest.py": "@pytest.fixture(name='mocker')\n"},
        {"test_a.py": "@parametrize('a, snapshot', [(1, 2)])\ndef test_a(a, snapshot): pass\n"},
        {"test_a.py": "def helper(mocker): pass\ndef test_a(): pass\n"},
        {"test_a.py": TAKES.format("mocker"), "requirements.txt": "Pytest_Mock==3.0\n"},
        {"mocks.py": TAKES.format("mocker")},
    ],
)
def test_nothing_is_added_where_the_project_has_it(tmp_path: Path, files: dict[str, str]) -> None:
    assert requirements(tmp_path, {"test_other.py": TAKES.format(""), **files}) == ()
