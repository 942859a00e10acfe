"""What a patch of Rust may not bring, and what it may."""

from __future__ import annotations

import pytest

from agent.patches.doctest_examples import pinned_docstring_objections
from agent.patches.path_rules import RUST_SOURCES, construct_objections, path_objections
from sandbox.languages.rust.detection.project import RustProject

OLD = b"""use std::fmt;

pub fn total(list: &[u8]) -> usize {
    list.len()
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts() {
        assert_eq!(super::total(&[1]), 1);
    }
}
"""
PROJECT = RustProject(name="calc", crates={"": "calc"})


def objections(added: str) -> tuple[str, ...]:
    return construct_objections({"src/lib.rs": (OLD, added.encode() + b"\n" + OLD)})


@pytest.mark.parametrize(
    "added",
    [
        "fn x() { std::process::exit(0) }",
        "fn x() { std :: process :: exit(0) }",
        "use std::{fmt, process as p};",
        "use std::env;",
        "fn x() -> bool { std::env::args().count() > 1 }",
        "fn x() -> bool { cfg!(test) }",
        "#[cfg(test)]\nfn x() {}",
        "#[cfg(not(test))]\nfn x() {}",
        "#[cfg(debug_assertions)]\nfn x() {}",
        "fn x() { unsafe { y() } }",
        'extern "C" fn x() {}',
        '#[link_section = ".init_array"]\nstatic X: fn() = y;',
        "fn x() { std::panic::catch_unwind(|| 1); }",
        "fn x() { std::panic::set_hook(y); }",
        "#[test]\nfn x() {}",
        'fn x() { include!("y.rs") }',
        '#[path = "y.rs"]\nmod y;',
        "macro_rules! assert_eq { () => {} }",
        "use std::fs;",
        "fn x() { std::backtrace::Backtrace::capture(); }",
    ],
)
def test_what_steers_the_tests_is_refused(added: str) -> None:
    assert objections(added)


@pytest.mark.parametrize(
    "added",
    [
        "fn x() { process(1); self.exit_code += 1; }",
        "// std::process::exit(0)",
        'const X: &str = "std::env::args unsafe #[test]";',
        "use std::collections::HashMap;",
        "fn environment(test: bool) -> bool { !test }",
        "#[derive(Clone)]\nstruct X;",
    ],
)
def test_plain_code_is_not(added: str) -> None:
    assert objections(added) == ()


@pytest.mark.parametrize(
    ("path", "is_refused"),
    [
        ("src/lib.rs", False),
        ("src/new.rs", False),
        ("src/bin/new.rs", True),
        ("src/main.rs", True),
        ("examples/new.rs", True),
        ("tests/new.rs", True),
        ("build.rs", True),
        ("Cargo.toml", True),
        ("Cargo.lock", True),
        (".cargo/config.toml", True),
        ("rust-toolchain", True),
        ("benches/x.rs", True),
        ("notes.txt", True),
    ],
)
def test_the_paths_that_a_patch_may_change(path: str, is_refused: bool) -> None:
    old = OLD if path == "src/lib.rs" else None
    refusals = path_objections(
        {path: (old, OLD + b"\n")}, rules=PROJECT, base_paths=["src/lib.rs"], sources=RUST_SOURCES
    )
    assert bool(refusals) == is_refused, refusals


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"[1]), 1)", b"[1]), 2)"),
        (b"    #[test]\n    fn", b"    fn"),
        (b"    #[test]\n", b"    #[test]\n    #[ignore]\n"),
        (b"#[cfg(test)]\n", b""),
        (b"fn counts", b"fn other"),
        (b"pub fn total", b"#[test]\nfn x() {}\npub fn total"),
    ],
)
def test_the_tests_inside_of_a_source_stay_as_they_are(old: bytes, new: bytes) -> None:
    change = {"src/lib.rs": (OLD, OLD.replace(old, new, 1))}
    assert change["src/lib.rs"][0] != change["src/lib.rs"][1]
    assert pinned_docstring_objections(change, PROJECT)


def test_the_code_around_them_may_change() -> None:
    new = OLD.replace(b"list.len()", b"list.len() + 1").replace(b"use std::fmt;\n", b"")
    assert pinned_docstring_objections({"src/lib.rs": (OLD, new)}, PROJECT) == ()
