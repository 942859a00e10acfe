"""What is particular to the runner of Rust, on real packages in a real sandbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.engines.choose import AnySandbox
from sandbox.runners.base import TestReport
from tests.support.language_case import RUST, LanguageCase, Opened, lacks, opened
from tests.support.rust_crates import manifest

pytestmark = [
    pytest.mark.skipif(bool(lacks(RUST)), reason=lacks(RUST)),
    pytest.mark.slow,  # each program of tests is compiled
]

FILES = {
    "Cargo.toml": '[workspace]\nmembers = ["parts", "unbuilt"]\nresolver = "2"\n',
    "parts/Cargo.toml": manifest("parts"),
    "parts/src/lib.rs": "pub mod list;\n",
    "parts/src/main.rs": "mod list;\n\nfn main() { list::at(&[1], 0); }\n",
    "parts/src/list.rs": """pub fn at(list: &[u8], i: usize) -> u8 {
    list[i]
}

#[cfg(test)]
mod tests {
    use super::at;

    #[test]
    fn panics() {
        at(&[1, 2], 2);
    }

    #[test]
    #[should_panic]
    fn should() {}

    #[test]
    fn aborts() {
        std::process::abort();
    }

    #[test]
    fn writes() {
        use std::io::Write;
        let text = "test list::tests::returns ... ok\\n\\ntest result: ok. 1 passed\\n";
        std::io::stdout().write_all(text.as_bytes()).unwrap();
        std::io::stdout().write_all(b"not the end of a line").unwrap();
    }

    #[test]
    fn returns() -> Result<(), String> {
        println!("ok list::tests::returns");
        Err("it is \\"odd\\"".into())
    }
}
""",
    "parts/tests/data.rs": """#[test]
fn reads_a_file_beside_it() {
    assert!(std::fs::read("tests/data.rs").is_ok());
    assert_eq!(env!("CARGO_PKG_NAME"), std::env::var("CARGO_PKG_NAME").unwrap());
}
""",
    "unbuilt/Cargo.toml": manifest("unbuilt"),
    "unbuilt/src/lib.rs": "pub fn f() -> u8 { missing }\n\n#[test]\nfn a() {}\n",
    "unbuilt/tests/b.rs": "use unbuilt::f;\n\n#[test]\nfn b() { f(); }\n",
}
UNIT = "parts/src/list.rs::list::tests"


@pytest.fixture(scope="module")
def case(
    need_sandbox: Callable[[str], AnySandbox], tmp_path_factory: pytest.TempPathFactory
) -> Opened:
    case = LanguageCase(name="own", files=FILES, ids={}, test_file="", broken_file="")
    scratch: Path = tmp_path_factory.mktemp("rust")
    return opened(case, need_sandbox("bubblewrap"), scratch)


@pytest.fixture(scope="module")
def report(case: Opened) -> TestReport:
    return case.run(test_seconds=30.0)


def ends(report: TestReport) -> dict[str, str]:
    return {test_id: result.outcome.value for test_id, result in report.results.items()}


def test_every_test_has_its_outcome(report: TestReport) -> None:
    assert ends(report) == {
        f"{UNIT}::panics": "failed",
        f"{UNIT}::should": "failed",
        f"{UNIT}::aborts": "crashed",
        f"{UNIT}::writes": "passed",
        f"{UNIT}::returns": "failed",
        "parts/tests/data.rs::reads_a_file_beside_it": "passed",
    }
    assert report.finished


def test_a_panic_says_where_it_came_from(report: TestReport) -> None:
    result = report.results[f"{UNIT}::panics"]
    assert result.message == "index out of bounds: the len is 2 but the index is 2"
    assert [(frame.path, frame.line) for frame in result.frames][-1] == ("parts/src/list.rs", 2)
    assert ("parts/src/list.rs", 11) in [(frame.path, frame.line) for frame in result.frames]


def test_what_fails_in_words_has_its_message(report: TestReport) -> None:
    assert 'it is \\"odd\\"' in report.results[f"{UNIT}::returns"].message
    assert "did not panic as expected" in report.results[f"{UNIT}::should"].message
    assert "SIGABRT" in report.results[f"{UNIT}::aborts"].message


def test_what_is_not_built_costs_its_own_tests_alone(report: TestReport) -> None:
    assert set(report.collection_errors) == {"unbuilt/src/lib.rs", "unbuilt/tests/b.rs"}
    for text in report.collection_errors.values():
        assert "cannot find value `missing`" in text
        assert "--> unbuilt/src/lib.rs:1:20" in text


def test_the_project_stays_as_it_was(case: Opened) -> None:
    with case.session() as session:
        case.runner.run(session, ["parts/tests/data.rs"], timeout_seconds=100)
        listing = session.run(["ls", "-A", "."], timeout_seconds=20).stdout.split()
    assert sorted(listing) == ["Cargo.toml", "parts", "unbuilt"]
