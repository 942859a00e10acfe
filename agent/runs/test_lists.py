"""The tests of a result: a few ids and counts in `result.json`, all ids in `tests.json` beside it.

A suite of 60,000 tests would make the result 26 MB, and nobody reads that in a log or a database.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from agent.baseline.evidence import BaselineEvidence
from agent.records import Baseline, PlausiblePatch, RepairResult

TESTS_SCHEMA = "repair-tests/1"
MAX_STORED_TESTS = 200
"""Ids in each list of a result; of the failing tests all, since a verdict needs them, and of
those that stay red, since a repair in part tells them."""
KINDS = ("failing", "passing", "flaky", "skipped", "set_aside")
V = TypeVar("V")


def ids_file(result: Path) -> Path:
    """Where the ids of all tests lie, beside the result."""
    return result.with_name("tests.json")


def write_tests(result: RepairResult, taken: BaselineEvidence | None, path: Path) -> None:
    """Write the ids of all tests; no file where the result itself has them all."""
    if result.baseline is None or not _is_long(result.baseline):
        path.unlink(missing_ok=True)
        return
    document = {
        "schema": TESTS_SCHEMA,
        **{kind: _plain(getattr(result.baseline, kind)) for kind in KINDS},
        "seconds": dict(taken.seconds) if taken else {},
        "pass_to_pass": dict(result.patch.verdict.pass_to_pass) if result.patch else {},
    }
    write_json(document, path)


def shortened_result(result: RepairResult) -> RepairResult:
    """The result with counts, and the first of each list of tests."""
    return replace(
        result,
        baseline=None if result.baseline is None else shortened_baseline(result.baseline),
        patch=None if result.patch is None else _shortened_patch(result.patch),
        alternatives=tuple(_shortened_patch(patch) for patch in result.alternatives),
    )


def shortened_baseline(baseline: Baseline) -> Baseline:
    """The baseline with counts, and the first of each list but that of the failing tests."""
    return replace(
        baseline,
        passing=baseline.passing[:MAX_STORED_TESTS],
        flaky=baseline.flaky[:MAX_STORED_TESTS],
        skipped=baseline.skipped[:MAX_STORED_TESTS],
        set_aside=_first(baseline.set_aside, {*baseline.still_red}),
        counts={kind: baseline.count(kind) for kind in KINDS},
    )


def shortened_evidence(taken: BaselineEvidence) -> BaselineEvidence:
    """The evidence for a result file: times and order of the tests that it names."""
    baseline = shortened_baseline(taken.baseline)
    tests = {*baseline.failing, *baseline.passing, *baseline.flaky, *baseline.skipped}
    return replace(
        taken,
        baseline=baseline,
        seconds={test_id: taken.seconds[test_id] for test_id in taken.seconds if test_id in tests},
        order=tuple(test_id for test_id in taken.order if test_id in tests),
        order_dependent=taken.order_dependent[:MAX_STORED_TESTS],
    )


def write_json(document: Mapping[str, Any], path: Path) -> None:
    """Write a file, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="ascii") as stream:
            json.dump(document, stream, indent=1)  # ASCII: a diff may hold any byte
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _is_long(baseline: Baseline) -> bool:
    return any(len(getattr(baseline, kind)) > MAX_STORED_TESTS for kind in KINDS)


def _plain(tests: tuple[str, ...] | Mapping[str, str]) -> list[str] | dict[str, str]:
    return dict(tests) if isinstance(tests, Mapping) else list(tests)


def _shortened_patch(patch: PlausiblePatch) -> PlausiblePatch:
    """The patch with the number of tests that still pass, and the first of them; those that were
    excused come first."""
    outcomes = patch.verdict.pass_to_pass
    sorted_outcomes = dict(sorted(outcomes.items(), key=lambda item: item[1] == "passed"))
    verdict = replace(
        patch.verdict,
        pass_to_pass=_first(sorted_outcomes) if len(outcomes) > MAX_STORED_TESTS else outcomes,
        pass_to_pass_count=patch.verdict.guarding,
    )
    return replace(patch, verdict=verdict)


def _first(items: Mapping[str, V], kept: Collection[str] = ()) -> dict[str, V]:
    """Those to keep, and the first of the others."""
    other_keys = [key for key in items if key not in kept][:MAX_STORED_TESTS]
    return {key: value for key, value in items.items() if key in kept or key in {*other_keys}}
