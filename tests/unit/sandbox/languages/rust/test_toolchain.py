from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.languages.rust.environments.toolchain import (
    RustInstallation,
    best,
    missing,
    no_linker,
    out_of_reach,
    rust_of_this_machine,
)

OLD = RustInstallation(root="/a", version=(1, 70, 0))
NEW = RustInstallation(root="/b", version=(1, 95, 0))
NIGHTLY = RustInstallation(root="/c", version=(1, 97, 0), is_nightly=True)
ALL = [OLD, NEW, NIGHTLY]


def test_the_newest_of_the_kind_that_is_asked_for() -> None:
    assert best(ALL, None, "") is NEW
    assert best(ALL, (1, 95, 0), "1.95.0") is NEW
    assert best(ALL, (1, 96, 0), "stable") is None
    assert best(ALL, None, "nightly-2026-01-01") is NIGHTLY
    assert best([OLD, NEW], None, "nightly") is None
    assert best([OLD], None, "") is None


def test_what_is_missing_is_said_with_the_version_and_the_way() -> None:
    sentence = str(missing("bubblewrap", [OLD, NEW], (1, 96, 0), ""))
    assert "needs Rust 1.96.0 or newer (Cargo.toml or rust-toolchain asks for it)" in sentence
    assert "there is only Rust 1.70.0 and Rust 1.95.0" in sentence
    assert "rustup toolchain install stable" in sentence
    sentence = str(missing("docker", [], None, "nightly"))
    assert "needs a nightly Rust (rust-toolchain asks for it), and there is none" in sentence
    assert "rustup toolchain install nightly" in sentence
    assert "REPAIR_DOCKER_IMAGE" in sentence
    assert "sandbox has none: install gcc" in str(no_linker("bubblewrap"))
    sentence = str(out_of_reach(["/root/.rustup/toolchains/x"]))
    assert "(/root/.rustup/toolchains/x) does not run" in sentence
    assert "RUSTUP_HOME=/usr/local/rustup" in sentence


def fake_rust(folder: Path) -> Path:
    for path in ("bin", "lib/rustlib"):
        (folder / path).mkdir(parents=True)
    for name in ("cargo", "rustc"):
        (folder / "bin" / name).write_text("#!/bin/false\n")
        (folder / "bin" / name).chmod(0o755)
    return folder


def test_toolchains_of_rustup_are_found_by_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    folder = tmp_path / ".rustup/toolchains"
    roots = [fake_rust(folder / name) for name in ("nightly-x", "1.80.0-x", "stable-x")]
    (folder / "broken").mkdir()
    found = rust_of_this_machine()
    assert found[:3] == (str(roots[2]), str(roots[0]), str(roots[1]))
    assert str(folder / "broken") not in found


def test_the_program_of_rustup_is_no_toolchain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / ".cargo/bin").mkdir(parents=True)
    (tmp_path / ".cargo/bin/rustc").write_text("#!/bin/false\n")
    (tmp_path / ".cargo/bin/rustc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / ".cargo/bin"))
    assert not [root for root in rust_of_this_machine() if root.startswith(str(tmp_path))]
