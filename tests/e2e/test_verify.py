"""`repair verify`: the verdict of a result, taken again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import BUG, TEST, Project, Repair
from tests.support.endings import FOUND_CODES


@pytest.fixture
def result(run_repair: Repair, project: Project, tmp_path: Path) -> Path:
    """The result of an honest repair."""
    target = project({"calc.py": BUG, "test_calc.py": TEST})
    done = run_repair(target, "--sandbox", "bubblewrap", "--json")
    assert done.returncode in FOUND_CODES, done.stderr
    path = tmp_path / "result.json"
    path.write_text(done.stdout)
    return path


@pytest.mark.slow
def test_an_honest_result_is_confirmed_and_a_changed_one_is_not(
    run_repair: Repair, result: Path, tmp_path: Path
) -> None:
    honest = run_repair("verify", result, tmp_path / "project", "--sandbox", "bubblewrap")
    assert honest.returncode in FOUND_CODES, honest.stdout + honest.stderr
    assert "Confirmed" in honest.stdout
    assert "2 tests that failed now pass, 1 still pass" in honest.stdout

    document = json.loads(result.read_text())
    diff = document["result"]["patch"]["diff"]
    for changed in (
        diff.replace("\n+    ", "\n+    # "),  # what was added is a comment now
        diff.replace("calc.py", "test_calc.py"),
        diff.replace("a/calc.py", "a/../calc.py").replace("b/calc.py", "b/../calc.py"),
    ):
        assert changed != diff
        document["result"]["patch"]["diff"] = changed
        result.write_text(json.dumps(document))
        done = run_repair("verify", result, tmp_path / "project", "--sandbox", "bubblewrap")
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Not confirmed" in done.stdout


@pytest.mark.nightly
def test_another_target_is_told(run_repair: Repair, result: Path, tmp_path: Path) -> None:
    (tmp_path / "project" / "other.py").write_text("X = 1\n")
    done = run_repair("verify", result, tmp_path / "project", "--sandbox", "bubblewrap")
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    assert "the target's files are not those the patch was made for" in done.stderr


def _without_evidence(document: dict[str, object]) -> str:
    return json.dumps({**document, "evidence": None})


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: json.dumps(document)[:-40],
        lambda document: json.dumps({**document, "schema": "other/9"}),
        lambda document: json.dumps({**document, "result": {"run_id": 3}}),
        lambda document: "[]",
        _without_evidence,
    ],
    ids=["cut", "schema", "record", "list", "no-evidence"],
)
def test_a_damaged_result(
    run_repair: Repair, tmp_path: Path, damage: Callable[[dict[str, object]], str]
) -> None:
    path = tmp_path / "result.json"
    path.write_text(damage({"schema": "repair-result/1", "result": {}, "evidence": {}}))
    done = run_repair("verify", path, tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
