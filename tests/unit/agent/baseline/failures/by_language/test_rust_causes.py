from __future__ import annotations

import pytest

from agent.baseline.failures.by_language.rust_causes import RustCauses
from agent.baseline.failures.environment_failures import Cause

CAUSES = RustCauses(lambda path: path.startswith("tests/"), ("calc_core",))


@pytest.mark.parametrize(
    ("text", "cause", "words"),
    [
        ("error: no matching package named `serde` found", Cause.MISSING_MODULE, "serde"),
        (
            "error: failed to get `rand` as a dependency of package `calc v0.1.0`",
            Cause.MISSING_MODULE,
            "Cargo.lock",
        ),
        ("error: package `x v1` requires rustc 1.99 or newer", Cause.MISSING_PROGRAM, "Rust 1.99"),
        (
            "error[E0554]: `#![feature]` may not be used on the stable release channel",
            Cause.MISSING_PROGRAM,
            "nightly",
        ),
        ("error: linker `clang` not found", Cause.MISSING_PROGRAM, "clang"),
        (
            "error: expected pattern, found `{`\n --> tests/a.rs:2:7\n",
            Cause.BROKEN_TEST,
            "tests/a.rs does not parse, line 2",
        ),
    ],
)
def test_a_build_that_fails_for_its_surroundings(text: str, cause: Cause, words: str) -> None:
    failure = CAUSES.of_collection("tests/a.rs", text)
    assert failure is not None
    assert failure.cause is cause
    assert words in failure.sentence


@pytest.mark.parametrize(
    "text",
    [
        "error: expected `;`, found `}`\n --> src/lib.rs:2:7\n",
        "error[E0425]: cannot find function `twice` in crate `calc`\n --> tests/a.rs:2:7\n",
        "error: no matching package named `calc-core` found",
    ],
)
def test_what_the_code_lacks_is_its_own_fault(text: str) -> None:
    assert CAUSES.of_collection("tests/a.rs", text) is None
