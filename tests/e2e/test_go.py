"""Whole repairs of Go modules: real sandbox, real tests, real verdict."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent.records import Status
from agent.runs.result_file import read_evidence
from tests.support.agentic_case import SUBMIT, TESTS, Workshop, edit, turn
from tests.support.go_modules import LEDGER, MODULES, GoModule
from tests.support.language_case import GO, lacks

pytestmark = [
    pytest.mark.skipif(
        shutil.which("bwrap") is None or bool(lacks(GO)),
        reason=lacks(GO) or "bubblewrap is missing",
    ),
    pytest.mark.nightly,  # each candidate is compiled
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shop(tmp_path: Path, cache: Path) -> Workshop:
    return Workshop(tmp_path, cache)


FAR = pytest.mark.xfail(reason="two failing tests without lines: the place comes after 300 edits")


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(module, id=name, marks=FAR if module is LEDGER else ())
        for name, module in MODULES.items()
    ],
)
@pytest.mark.parametrize("sandbox", ["bubblewrap", "docker"])
def test_the_search_repairs_it_without_a_model(
    shop: Workshop, module: GoModule, sandbox: str, need_sandbox: object
) -> None:
    assert callable(need_sandbox)
    need_sandbox(sandbox)
    done = shop.repair(files=module.files, max_candidates=300, sandbox=sandbox)
    assert done.result.baseline is not None
    assert set(done.result.baseline.failing) == set(module.failing)
    assert done.result.status is Status.PLAUSIBLE, done.result.reason
    patch = done.result.patch
    assert patch is not None
    assert set(patch.verdict.fail_to_pass.values()) == {"passed"}
    assert patch.candidate.operator.startswith("go.")
    assert any("no second opinion" in sentence for sentence in patch.verdict.unchecked)
    assert f"+{module.fixed_line}\n" in done.diff


def test_a_model_repairs_it_and_what_does_not_parse_is_refused(shop: Workshop) -> None:
    fix = edit("money/split.go", "if i <= left {", "if i < left {")
    done = shop.repair(
        turn(edit("money/split.go", "if i <= left {", "if i < left")),
        turn(edit("money/split_test.go", "334, 334, 333", "334, 334, 334")),
        turn(fix),
        turn(TESTS),
        turn(SUBMIT),
        files=LEDGER.files,
    )
    broken, refused, *_ = done.answers()
    assert "no longer be valid Go" in broken
    assert "it is a test" in refused
    assert done.result.status is Status.PLAUSIBLE, done.result.reason
    assert "+		if i < left {" in done.diff
    assert read_evidence(done.folder.result).runner == "go test"
