"""Where the fault may be in Rust: frames, the package, and never the tests in a source."""

from __future__ import annotations

from agent.localization.loaded_files import lines_of_failures
from agent.localization.loads import RustLoads
from sandbox.runners.base import Frame, Outcome, TestResult

FILES = {
    "a/src/lib.rs": "pub fn pay() -> u8 {\n    b::split(1)\n}\n\npub fn other() {}\n\n"
    "#[cfg(test)]\nmod tests {\n    #[test]\n    fn pays() {\n"
    "        assert_eq!(super::pay(), 2);\n"
    "    }\n}\n",
    "b/src/lib.rs": "pub fn split(a: u8) -> u8 {\n    a\n}\n\npub fn spare() {}\n",
    "c/src/lib.rs": "pub fn pay() {}\n",
    "a/tests/api.rs": "use a::pay;\n\n#[test]\nfn reads() {\n    pay();\n}\n",
}
LOADS = RustLoads({"a": "a", "b": "b", "c": "c"})


def places(test_id: str, *frames: tuple[str, int], details: str = "") -> list[tuple[str, int]]:
    def source(path: str) -> str | None:
        return None if "/tests/" in path else FILES.get(path)

    result = TestResult(
        test_id=test_id,
        outcome=Outcome.FAILED,
        details=details,
        frames=tuple(Frame(path=path, line=line, function="") for path, line in frames),
    )
    ranking = lines_of_failures([result], FILES.keys(), source, FILES.get, LOADS)
    return [(line.path, line.line) for line in ranking]


def test_the_code_beside_a_test_is_suspected_and_the_test_is_not() -> None:
    found = places("a/src/lib.rs::tests::pays", ("a/src/lib.rs", 11))
    assert found[0] == ("a/src/lib.rs", 1)
    assert ("a/src/lib.rs", 5) in found
    assert not [line for path, line in found if path == "a/src/lib.rs" and line > 6]
    assert found.index(("b/src/lib.rs", 1)) < found.index(("b/src/lib.rs", 5))
    assert "c/src/lib.rs" not in {path for path, _ in found}


def test_a_test_beside_the_package_is_built_with_it() -> None:
    assert places("a/tests/api.rs::reads", ("a/tests/api.rs", 5))[0] == ("a/src/lib.rs", 1)


def test_places_of_the_compiler() -> None:
    details = "error[E0308]: mismatched types\n --> b/src/lib.rs:2:5\n"
    assert places("a/tests/api.rs", details=details)[0] == ("b/src/lib.rs", 2)
