"""How a verdict that was taken again is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config import Settings
from agent.records import Confidence, RepairJob, Verdict, Verification
from agent.runs.folder import new_folder
from agent.runs.result_file import write_result
from agent.runs.stop import Interrupted
from agent.runs.verification_terms import Terms
from cli.commands.verify import tell
from cli.main import main
from tests.support.cli_records import make_result, plausible_in_part, plausible_result

PATH = Path("runs/x/result.json")
OF = f" the patch of {PATH}"
VERDICT = Verdict(plausible=True, fail_to_pass={"a": "passed"}, pass_to_pass={"p": "passed"})
SURE = Confidence(value=0.99, calibrated=True)
CONFIRMED = Verification(verdict=VERDICT, confidence=SURE)
IN_PART = replace(CONFIRMED, still_red=("b", "c"))
REFUSED = Verification(verdict=replace(VERDICT, plausible=False, objections=("no",)))


def test_a_patch_for_some_of_the_failing_tests_is_confirmed_in_part(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell(IN_PART, make_result(), PATH, as_json=False)
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith("Confirmed in part: 1 test that failed now passes")
    assert told.removesuffix(OF).endswith("2 more tests failed and stay red with the patch")
    tell(CONFIRMED, make_result(), PATH, as_json=False)
    assert capsys.readouterr().out.startswith("Confirmed: 1 test")


def test_a_plausible_patch_is_confirmed_as_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    tell(CONFIRMED, plausible_result(), PATH, as_json=False)
    told = " ".join(capsys.readouterr().out.split()).removesuffix(f" the patch of {PATH}")
    assert told.startswith("Confirmed, plausible only: 1 test that failed now passes")
    assert told.removesuffix(OF).endswith("patch is right: 99 % sure here, 45 % sure by the file")
    tell(CONFIRMED, plausible_in_part(), PATH, as_json=False)
    assert capsys.readouterr().out.startswith("Confirmed in part, plausible only: ")
    tell(replace(CONFIRMED, confidence=None), make_result(), PATH, as_json=False)
    assert "not measured here" in " ".join(capsys.readouterr().out.split())


def test_json_names_what_stays_red_and_how_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    endings = [
        (CONFIRMED, make_result(), "repaired", 0),
        (IN_PART, make_result(), "repaired_in_part", 4),
        (CONFIRMED, plausible_in_part(), "plausible", 5),
        (REFUSED, plausible_in_part(), "not_repaired", 1),
    ]
    for found, stored, status, code in endings:
        tell(found, stored, PATH, as_json=True)
        told = json.loads(capsys.readouterr().out)
        assert (told["status"], told["exit_code"]) == (status, code)
        assert told["plausible"] is found.verdict.plausible
        assert told["still_red"] == list(found.still_red)


def test_it_says_of_which_result_it_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    tell(REFUSED, make_result(), PATH, as_json=False)
    assert "the patch of runs/x/result.json" in capsys.readouterr().out


def test_a_run_is_named_by_its_id_or_a_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPAIR_STATE_DIR", str(tmp_path / "state"))
    folder = new_folder(Settings(), "20261122-103000-3fa2")
    folder.save_job(RepairJob(run_id=folder.run_id, target="."))
    assert main(["verify", "3fa2", str(tmp_path)]) == 2
    assert "has no result yet" in capsys.readouterr().err
    write_result(make_result(), folder.result)
    asked = []

    def verify(path: Path, terms: Terms, *_: object) -> Verification:
        asked.append((path, terms.max_seconds))
        return CONFIRMED

    monkeypatch.setattr("agent.verify.verify", verify)
    assert main(["verify", "3fa2", str(tmp_path), "--max-seconds", "60"]) == 0
    assert asked == [(folder.result, 60.0)]
    assert str(folder.result) in capsys.readouterr().out
    assert main(["verify", "3fa2", str(tmp_path), "--max-seconds", "0"]) == 2
    assert main(["verify", "nothing", str(tmp_path)]) == 2
    assert "there is no run 'nothing'" in capsys.readouterr().err.lower()


def test_a_stopped_verification_says_that_there_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_result(make_result(), tmp_path / "result.json")

    def verify(*_: object) -> Verification:
        raise Interrupted

    monkeypatch.setattr("agent.verify.verify", verify)
    assert main(["verify", str(tmp_path / "result.json"), str(tmp_path)]) == 130
    assert "Stopped; there is no verdict." in capsys.readouterr().err
