"""Whole repairs of Rust projects: real sandbox, real tests, real verdict."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent.records import Status
from agent.runs.result_file import read_evidence
from tests.support.agentic_case import SUBMIT, TESTS, Repaired, Workshop, edit, turn
from tests.support.language_case import RUST, lacks
from tests.support.rust_crates import CRATES, LEDGER, SIEVE, RustCrate

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None or bool(lacks(RUST)),
    reason=lacks(RUST) or "bubblewrap is missing",
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shop(tmp_path: Path, cache: Path) -> Workshop:
    return Workshop(tmp_path, cache)


def is_repaired(done: Repaired, crate: RustCrate) -> None:
    assert done.result.baseline is not None
    assert set(done.result.baseline.failing) == set(crate.failing)
    assert done.result.status is Status.PLAUSIBLE, done.result.reason
    patch = done.result.patch
    assert patch is not None
    assert set(patch.verdict.fail_to_pass.values()) == {"passed"}
    assert patch.candidate.operator.startswith("rust.")
    assert any("no second opinion" in sentence for sentence in patch.verdict.unchecked)
    assert f"+{crate.fixed_line}\n" in done.diff


@pytest.mark.slow
def test_the_search_repairs_one_without_a_model(shop: Workshop) -> None:
    is_repaired(shop.repair(files=SIEVE.files, max_candidates=100), SIEVE)


@pytest.mark.nightly  # each candidate is compiled
@pytest.mark.parametrize("crate", [pytest.param(one, id=name) for name, one in CRATES.items()])
def test_the_search_repairs_it_without_a_model(shop: Workshop, crate: RustCrate) -> None:
    is_repaired(shop.repair(files=crate.files, max_candidates=300), crate)


@pytest.mark.nightly
def test_a_model_repairs_it_and_tests_inside_of_a_source_are_not_its_own(shop: Workshop) -> None:
    done = shop.repair(
        turn(edit("src/split.rs", "if i <= left {", "if i < left")),
        turn(edit("tests/written.rs", "-12.05", "12.05")),
        turn(edit("src/split.rs", "334, 334, 333", "334, 334, 334")),
        turn(edit("src/split.rs", "334, 334, 334", "334, 334, 333")),
        turn(edit("src/split.rs", "if i <= left {", "if i < left {")),
        turn(TESTS),
        turn(SUBMIT),
        files=LEDGER.files,
    )
    broken, refused, careful, *_ = done.answers()
    assert "no longer be valid Rust" in broken
    assert "it is a test" in refused
    assert "changes tests inside of the source" in careful
    assert done.result.status is Status.PLAUSIBLE, done.result.reason
    assert "+        .map(|i| if i < left { share + 1 }" in done.diff
    assert read_evidence(done.folder.result).runner == "cargo test"
