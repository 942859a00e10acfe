"""`repair verify FILE`: a result from a stranger chooses nothing on this machine."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent import verify as subject
from agent.baseline.evidence import BaselineEvidence
from agent.config import Settings
from agent.errors import ResultAsksMore, ResultUnreadable
from agent.events import Event
from agent.records import Baseline, GeneratedTest, Status
from agent.runs.result_file import Evidence, read_result, write_result
from agent.runs.verification_terms import Terms
from agent.selection.announcement import verified_status
from agent.validation.repeated_runs import Repetition
from agent.verify import verify
from cli.main import main
from tests.e2e.conftest import BUG, TEST
from tests.support.cli_records import make_result
from tests.support.services import missing

MARK = "touch {mark}"
FAILING = "test_calc.py::test_total"
PATCH = """\
diff --git a/calc.py b/calc.py
--- a/calc.py
+++ b/calc.py
@@ -1,5 +1,5 @@
 def total(items):
     result = 0
     for item in items:
-        result -= item
+        result += item
     return result
"""


def written(
    path: Path, failing: tuple[str, ...] = (FAILING,), diff: str = PATCH, **changes: Any
) -> Path:
    result, evidence = make_result(), Evidence(target="/srv/private", sandbox="bubblewrap")
    assert result.patch is not None
    result = replace(result, patch=replace(result.patch, diff=diff))
    for name, value in changes.items():
        if hasattr(result, name):
            result = replace(result, **{name: value})
        else:
            evidence = replace(evidence, **{name: value})
    taken = BaselineEvidence(baseline=Baseline(failing=failing, passing=()))
    write_result(result, path, replace(evidence, baseline=taken))
    return path


def a_test(path: str = "test_theirs.py") -> tuple[GeneratedTest, ...]:
    text = "def test_theirs():\n    assert True\n"
    ids = (f"{path}::test_theirs",)
    return (GeneratedTest(path=path, text=text, test_ids=ids, author="search", claims=("x",)),)


@pytest.mark.parametrize(
    ("asks", "option"),
    [
        ({"sandbox": "process"}, "--sandbox"),
        ({"install": MARK}, "--install"),
        ({"test": MARK}, "--test"),
        ({"env": ("APP_MODE",)}, "--env"),
        ({"include_tests": True}, "that is not taken"),
        ({"generated_tests": a_test()}, "--its-tests"),
    ],
    ids=["sandbox", "install", "test", "env", "any-file", "tests"],
)
def test_what_a_result_asks_for_is_shown_and_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asks: dict[str, Any],
    option: str,
) -> None:
    mark = tmp_path / "mark"
    asks = {k: v.format(mark=mark) if isinstance(v, str) else v for k, v in asks.items()}
    project = tmp_path / "project"
    project.mkdir()
    (project / "calc.py").write_text(BUG)
    (project / "test_calc.py").write_text(TEST)
    monkeypatch.setenv("REPAIR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("REPAIR_CACHE_DIR", str(tmp_path / "cache"))
    file = written(tmp_path / "result.json", **asks)
    assert main(["verify", str(file), str(project)]) == 2
    said = capsys.readouterr().err
    assert option in said
    for value in asks.values():
        assert not isinstance(value, str) or value in said
    assert not mark.exists()
    assert not (tmp_path / "cache").exists()


def test_a_result_names_no_folder_to_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.py").write_text("KEY = 'hidden'\n")
    assert main(["verify", str(written(tmp_path / "result.json", target=str(secret)))]) == 2
    said = capsys.readouterr().err
    assert str(secret) in said
    assert "name the repository" in said


@pytest.mark.parametrize("commit", ["HEAD", "private-branch", "--output=x", "a" * 39, "A" * 40])
def test_a_result_names_a_commit_by_its_id_alone(tmp_path: Path, commit: str) -> None:
    file = written(tmp_path / "result.json", base_commit=commit)
    with pytest.raises(ResultUnreadable, match="no commit's id"):
        verify(file, Terms(target=str(tmp_path)), _settings(tmp_path), _deaf)


@pytest.mark.parametrize(
    "place", ["../theirs.py", "/tmp/theirs.py", "a/../../x.py", ".git/config", "./x.py", ""]
)
def test_a_test_of_a_result_lies_in_the_project(tmp_path: Path, place: str) -> None:
    file = written(tmp_path / "result.json", generated_tests=a_test(place))
    with pytest.raises(ResultUnreadable, match="no place for a test"):
        verify(file, Terms(target=str(tmp_path), its_tests=True), _settings(tmp_path), _deaf)


def test_a_result_without_a_test_to_repair_confirms_nothing(tmp_path: Path) -> None:
    file = written(tmp_path / "result.json", failing=())
    with pytest.raises(ResultUnreadable, match="names no test"):
        verify(file, Terms(target=str(tmp_path)), _settings(tmp_path), _deaf)


def test_all_that_is_asked_for_is_told_at_once(tmp_path: Path) -> None:
    file = written(tmp_path / "result.json", install="a", test="b", sandbox="process")
    with pytest.raises(ResultAsksMore) as refused:
        verify(file, Terms(), _settings(tmp_path), _deaf)
    words = str(refused.value)
    assert all(word in words for word in ("/srv/private", "`a`", "`b`", "isolates nothing"))


@pytest.mark.parametrize(
    ("changes", "confirmed"),
    [
        ({"run_id": "../../escaped"}, True),
        ({"failing": ("test_calc.py::test_empty",)}, False),
        ({"failing": (FAILING, "test_calc.py::test_invented")}, False),
    ],
    ids=["run-id", "passes-anyway", "invented"],
)
def test_what_a_result_says_of_its_tests_is_looked_at(
    tmp_path: Path, changes: dict[str, Any], confirmed: bool
) -> None:
    """And a name of a run that leads elsewhere makes no folder there."""
    if shutil.which("bwrap") is None:
        missing("bubblewrap is not installed")
    project = tmp_path / "project"
    project.mkdir()
    (project / "calc.py").write_text(BUG)
    (project / "test_calc.py").write_text(TEST)
    file = written(tmp_path / "result.json", install="false", **changes)
    terms = Terms(target=str(project), sandbox="bubblewrap", install="")
    verdict = verify(file, terms, _settings(tmp_path), _deaf).verdict
    assert verdict.plausible == confirmed, verdict.objections
    assert confirmed or "does not fail steadily here" in verdict.objections[0]
    assert not list(tmp_path.rglob("escaped"))


def test_the_ending_of_a_result_is_not_believed(tmp_path: Path) -> None:
    """It says repaired, and nothing of another test that fails; nothing was measured."""
    if shutil.which("bwrap") is None:
        missing("bubblewrap is not installed")
    project = tmp_path / "project"
    project.mkdir()
    (project / "calc.py").write_text(BUG)
    (project / "test_calc.py").write_text(TEST)
    (project / "test_other.py").write_text(
        "from calc import total\n\n\ndef test_other():\n    assert total([1]) == 7\n"
    )
    file = written(tmp_path / "result.json", install="false", status=Status.REPAIRED)
    terms = Terms(target=str(project), sandbox="bubblewrap", install="")
    found = verify(file, terms, _settings(tmp_path), _deaf)
    assert found.verdict.plausible, found.verdict.objections
    assert found.still_red == ("test_other.py::test_other",)
    assert found.confidence is None or found.confidence.signs.repaired == 1
    ending = verified_status(found, read_result(file))
    assert ending in (Status.REPAIRED_IN_PART, Status.PLAUSIBLE)


def test_a_test_that_passes_by_chance_confirms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeated = Repetition(runs=5, passes={FAILING: 3})
    monkeypatch.setattr(subject, "repeat_unchanged", lambda _: Repetition(runs=5, passes={}))
    monkeypatch.setattr(subject, "repeat_patched", lambda *_: repeated)
    if shutil.which("bwrap") is None:
        missing("bubblewrap is not installed")
    project = tmp_path / "project"
    project.mkdir()
    (project / "calc.py").write_text(BUG)
    (project / "test_calc.py").write_text(TEST)
    file = written(tmp_path / "result.json", install="false")
    terms = Terms(target=str(project), sandbox="bubblewrap", install="")
    found = verify(file, terms, _settings(tmp_path), _deaf)
    assert not found.verdict.plausible
    assert "only now and then" in found.verdict.objections[0]


def _settings(folder: Path) -> Settings:
    return Settings(state_dir=folder / "state", cache_dir=folder / "cache")


def _deaf(_event: Event) -> None:
    """Nobody listens."""
