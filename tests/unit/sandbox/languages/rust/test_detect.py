"""What is found of a Rust project, from its files alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.languages.base import Overrides
from sandbox.languages.choose import understand
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.rust.canary import make_canary
from sandbox.languages.rust.detection.manifests import read_manifest
from sandbox.languages.rust.detection.project import RustProject
from sandbox.languages.rust.environments.recipe import write_recipe
from tests.support.snapshot_case import snapshot_of

MANIFEST = '[package]\nname = "calc-core"\nversion = "0.1.0"\nedition = "2021"\n'
UNIT = "pub fn one() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n}\n"
TEST = "#[test]\nfn a() {}\n"
FILES = {"Cargo.toml": MANIFEST, "src/lib.rs": UNIT}
PYTHON = {"tests/test_a.py": "def test_a(): pass\n"}


def found(
    tmp_path: Path, files: Mapping[str, str] | None = None, test: str | None = None
) -> RustProject:
    project = understand(snapshot_of(tmp_path, {**FILES, **(files or {})}), Overrides(test=test))
    assert isinstance(project, RustProject)
    return project


def test_a_package_and_its_tests(tmp_path: Path) -> None:
    project = found(
        tmp_path,
        {
            "src/plain.rs": "/// #[test]\npub fn f() {}\n",
            "tests/api.rs": "#[tokio::test]\nasync fn a() {}\n",
            "target/debug/x.rs": TEST,
            "vendor/other/src/lib.rs": TEST,
        },
    )
    assert project.name == "calc-core"
    assert project.tests.files == ("src/lib.rs", "tests/api.rs")
    assert project.crates == {"": "calc_core"}
    assert project.rust_version == (1, 56, 0)


def test_a_source_with_tests_may_be_edited_and_what_is_for_tests_alone_may_not(
    tmp_path: Path,
) -> None:
    project = found(
        tmp_path,
        {
            "src/lib.rs": UNIT
            + '#[cfg(test)]\nmod samples;\n#[cfg(test)]\n#[path = "p.rs"]\nmod q;',
            "src/samples.rs": "pub fn s() {}\n",
            "src/p.rs": "pub fn s() {}\n",
            "src/whole.rs": "#![cfg(test)]\n" + TEST,
            "src/free.rs": "",
        },
    )
    project = project.with_test_files(["src/lib.rs"])  # its tests were collected
    for path in ("src/samples.rs", "src/p.rs", "src/whole.rs", "tests/x.rs", "src/tests.rs"):
        assert project.is_test_path(path), path
        assert not project.holds_pinned_examples(path), path
    for path in ("src/lib.rs", "src/free.rs"):
        assert not project.is_test_path(path), path
        assert project.holds_pinned_examples(path), path


@pytest.mark.parametrize(
    "path",
    [
        *("Cargo.toml", "a/Cargo.toml", "Cargo.lock", "build.rs", ".cargo/config.toml"),
        *("rust-toolchain", "rust-toolchain.toml", "vendor/x/src/lib.rs", ".config/nextest.toml"),
    ],
)
def test_what_decides_how_it_is_built_is_configuration(tmp_path: Path, path: str) -> None:
    assert found(tmp_path).is_config_path(path)


def test_a_workspace_and_files_in_no_package(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["a", "b"]\n[workspace.package]\nrust-version="1.80"',
        "a/Cargo.toml": MANIFEST,
        "a/src/lib.rs": UNIT,
        "b/Cargo.toml": '[package]\nname = "b"\nautotests = false\n[lib]\nname = "bee"\n'
        '[[test]]\nname = "x"\npath = "spec/x.rs"\n[[test]]\nname = "own"\nharness = false\n',
        "b/src/lib.rs": "",
        "b/spec/x.rs": TEST,
        "b/tests/own.rs": "#[test]\nfn a() {}\nfn main() {}\n",
        "stray/z.rs": TEST,
    }
    project = understand(snapshot_of(tmp_path, files))
    assert isinstance(project, RustProject)
    assert project.tests.files == ("a/src/lib.rs", "b/spec/x.rs")
    assert project.crates == {"a": "calc_core", "b": "bee"}
    assert project.rust_version == (1, 80, 0)
    assert project.is_test_path("b/spec/x.rs")
    assert "1 files with tests lie in no package: no Cargo.toml stands above them" in project.notes
    assert "1 files of tests bring their own harness and are not run" in project.notes
    assert project.listed == ("b",)


def test_broken_and_hostile_manifests_are_passed_over(tmp_path: Path) -> None:
    assert read_manifest("Cargo.toml", b"[package\n") is None
    assert read_manifest("Cargo.toml", b"\xff") is None
    odd = b'package = 3\nlib = []\ntest = [1, {path = 2}]\ndependencies = "x"\ntarget = {a = 1}\n'
    manifest = read_manifest("Cargo.toml", odd)
    assert manifest is not None
    assert (manifest.package, manifest.tests, manifest.requires) == ("", (), False)
    deep = b"a = " + b"[" * 100_000
    assert read_manifest("Cargo.toml", deep) is None
    project = understand(snapshot_of(tmp_path, {"Cargo.toml": "[package\n", "src/lib.rs": UNIT}))
    assert isinstance(project, PythonProject)


@pytest.mark.parametrize(
    ("name", "text", "version", "channel"),
    [
        ("rust-toolchain", "1.81.0\n", (1, 81, 0), "1.81.0"),
        ("rust-toolchain.toml", '[toolchain]\nchannel = "nightly"\n', (1, 56, 0), "nightly"),
        ("rust-toolchain.toml", "[toolchain]\nchannel = 3\n", (1, 56, 0), ""),
    ],
)
def test_the_toolchain_that_is_asked_for(
    tmp_path: Path, name: str, text: str, version: tuple[int, int, int], channel: str
) -> None:
    project = found(tmp_path, {name: text})
    assert (project.rust_version, project.channel) == (version, channel)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("cargo test", ()),
        ("cd x && cargo +nightly test --features a,b -q -- --nocapture", ("--features", "a,b")),
        ("cargo nextest run -p core --retries 2", ("-p", "core")),
        ("cargo t --release --test api --no-fail-fast; true", ("--release",)),
        ("cargo test --features=x 'name of one'", ("--features=x",)),
    ],
)
def test_of_a_command_counts_what_says_what_is_built(
    tmp_path: Path, command: str, options: tuple[str, ...]
) -> None:
    assert found(tmp_path, PYTHON, command).tests.options == options


@pytest.mark.parametrize("command", ["cargo build", "make test", "cargo test 'x", "pytest"])
def test_a_command_that_runs_no_cargo_test_is_none_of_rust(tmp_path: Path, command: str) -> None:
    project = understand(snapshot_of(tmp_path, {**FILES, **PYTHON}), Overrides(test=command))
    assert isinstance(project, PythonProject)


def test_tests_of_python_come_first_and_those_of_rust_are_named(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, {**FILES, **PYTHON})
    project = understand(snapshot)
    assert isinstance(project, PythonProject)
    assert any('--test "cargo test" runs those in Rust' in note for note in project.notes)
    named = understand(snapshot, Overrides(only=("src/lib.rs::tests::a",)))
    assert isinstance(named, RustProject)


def test_what_is_fetched_is_what_lies_elsewhere(tmp_path: Path) -> None:
    own = MANIFEST + '[dependencies]\nother = { path = "../other" }\nboth = { workspace = true }\n'
    (tmp_path / "a").mkdir()
    snapshot = snapshot_of(tmp_path / "a", {**FILES, "Cargo.toml": own})
    project = understand(snapshot)
    assert isinstance(project, RustProject)
    assert write_recipe(project, snapshot).folders == ()
    for table in ("dependencies", "target.'cfg(unix)'.dev-dependencies", "workspace.dependencies"):
        folder = tmp_path / table[:3]
        folder.mkdir()
        files = {**FILES, "Cargo.toml": f'{MANIFEST}[{table}]\nserde = "1"\n', "Cargo.lock": ""}
        snapshot = snapshot_of(folder, files)
        project = understand(snapshot)
        assert isinstance(project, RustProject)
        recipe = write_recipe(project, snapshot)
        assert recipe.folders == ("",), table
        assert [path for path, _ in recipe.digests] == ["Cargo.lock", "Cargo.toml"]
        assert recipe.sources == ("src/lib.rs",)


def test_vendored_packages_are_not_fetched(tmp_path: Path) -> None:
    files = {
        **FILES,
        "Cargo.toml": MANIFEST + '[dependencies]\nserde = "1"\n',
        ".cargo/config.toml": '[source.crates-io]\nreplace-with = "vendored-sources"\n',
        "vendor/serde/src/lib.rs": "",
    }
    snapshot = snapshot_of(tmp_path, files)
    project = understand(snapshot)
    assert isinstance(project, RustProject)
    assert write_recipe(project, snapshot).folders == ()
    assert "its dependencies lie in vendor/" in project.why


@pytest.mark.parametrize(
    ("beside", "folder", "crate"),
    [
        ("src/lib.rs", "tests/", "extern crate top as _;"),
        ("inner/tests/a.rs", "inner/tests/", "extern crate inner as _;"),
        ("tool/src/main.rs", "tool/src/bin/", "fn main() {}"),
    ],
)
def test_a_canary_is_a_test_of_its_package(beside: str, folder: str, crate: str) -> None:
    crates = {"": "top", "inner": "inner", "tool": ""}
    project = RustProject(name="x", crates=crates, listed=("tool",))
    canary = make_canary(project, beside)
    assert canary.path.startswith(folder)
    assert crate in canary.content.decode()
    assert ("extern crate" in canary.content.decode()) == (beside != "tool/src/main.rs")
    assert project.is_test_path(canary.path)
    other = make_canary(project, beside)
    assert not {canary.path, canary.must_pass, canary.must_fail} & {
        *(other.path, other.must_pass, other.must_fail)
    }
