"""A result of a large suite stays small, and says where the rest is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from agent import wording
from agent.baseline.evidence import BaselineEvidence
from agent.records import Baseline, RepairResult
from agent.runs.result_file import (
    Evidence,
    parse_result,
    printed_result,
    read_evidence,
    read_result,
    write_result,
)
from agent.runs.test_lists import ids_file
from tests.support.cli_records import make_result

MANY = 60_000


def large(failing: tuple[str, ...] = ("t::f",)) -> tuple[RepairResult, Evidence]:
    names = tuple(f"tests/test_module.py::test_number[{n}]" for n in range(MANY))
    aside = dict.fromkeys(names[:3000], "the module `x` is missing")
    baseline = Baseline(failing=failing, passing=names, skipped=names[:500], set_aside=aside)
    result = make_result(baseline=baseline)
    assert result.patch is not None
    outcomes = dict.fromkeys(names, "passed") | {names[-1]: "failed"}
    patch = replace(result.patch, verdict=replace(result.patch.verdict, pass_to_pass=outcomes))
    seconds = dict.fromkeys((*names, *failing), 0.5)
    taken = BaselineEvidence(baseline=baseline, seconds=seconds, order=(*names, *failing))
    result = replace(result, patch=patch, alternatives=(patch,) * 10)
    return result, Evidence(target=".", baseline=taken)


def test_a_result_of_many_tests_has_counts_and_a_file_beside(tmp_path: Path) -> None:
    result, evidence = large()
    path = tmp_path / "result.json"
    write_result(result, path, evidence)
    assert path.stat().st_size < 1_000_000
    found = read_result(path)
    assert found.baseline is not None
    assert found.patch is not None
    assert found.baseline.failing == ("t::f",)
    assert found.baseline.counts == {
        "failing": 1,
        "passing": MANY,
        "flaky": 0,
        "skipped": 500,
        "set_aside": 3000,
    }
    assert (
        wording.tests(found.baseline) == "1 test fails, 60,000 pass, 500 skipped, 3,000 set aside"
    )
    assert found.patch.verdict.guarding == MANY
    assert "failed" in found.patch.verdict.pass_to_pass.values()
    assert (found.result_path, found.tests_path) == (path, ids_file(path))
    every = json.loads(ids_file(path).read_text())
    assert (len(every["passing"]), len(every["pass_to_pass"])) == (MANY, MANY)
    taken = read_evidence(path).baseline
    assert taken is not None
    assert taken.seconds["t::f"] == 0.5


def test_what_is_printed_names_its_files_and_what_is_stored_does_not(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_result(*_with_path(path))
    assert str(tmp_path) not in path.read_text()
    printed = json.loads(printed_result(path, 0))["result"]
    assert printed["result_path"] == str(path)
    assert printed["tests_path"] == str(ids_file(path))
    result, evidence = parse_result(printed_result(path, 0))
    assert result.baseline is not None
    assert evidence is not None


def _with_path(path: Path) -> tuple[RepairResult, Path, Evidence]:
    result, evidence = large()
    return replace(result, result_path=path), path, evidence


def test_a_result_of_few_tests_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_result(make_result(), path)
    found = read_result(path)
    assert found.baseline is not None
    assert found.baseline.passing == ("b", "c")
    assert found.tests_path is None


def test_a_file_of_an_earlier_version_has_no_counts(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_result(make_result(), path)
    document = json.loads(path.read_text())
    del document["result"]["baseline"]["counts"]
    del document["result"]["tests_path"]
    for patch in (document["result"]["patch"], *document["result"]["alternatives"]):
        del patch["verdict"]["pass_to_pass_count"]
    path.write_text(json.dumps(document))
    found = read_result(path)
    assert found.baseline is not None
    assert found.patch is not None
    assert (found.baseline.count("passing"), found.patch.verdict.guarding) == (2, 7)
