from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.languages.go.environments.toolchain import (
    GoInstallation,
    best,
    go_of_this_machine,
    missing,
)

OLD = GoInstallation(root="/a", version=(1, 19, 2))
NEW = GoInstallation(root="/b", version=(1, 24, 1))


def test_the_first_that_is_new_enough() -> None:
    assert best([OLD, NEW], None) is NEW
    assert best([NEW], (1, 24, 1)) is NEW
    assert best([OLD, NEW], (1, 25, 0)) is None
    assert best([OLD], None) is None


def test_what_is_missing_is_said_with_the_version_and_the_way() -> None:
    sentence = str(missing("bubblewrap", [OLD, NEW], (1, 25, 0)))
    assert "needs Go 1.25 or newer (go.mod asks for it), and there is only Go 1.24.1" in sentence
    assert "https://go.dev/dl" in sentence
    sentence = str(missing("docker", [], None))
    assert "needs Go 1.20 or newer (its tests are run by it), and there is none" in sentence
    assert "REPAIR_DOCKER_IMAGE" in sentence


def fake_go(folder: Path, version: str) -> Path:
    for path in ("bin", "src/runtime"):
        (folder / path).mkdir(parents=True)
    (folder / "bin/go").write_text("#!/bin/false\n")
    (folder / "bin/go").chmod(0o755)
    (folder / "VERSION").write_text(f"go{version}\ntime 2026-01-01\n")
    return folder


def test_go_on_path_is_found_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = fake_go(tmp_path / "go", "1.24.3")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/go").symlink_to(root / "bin/go")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert GoInstallation(root=str(root), version=(1, 24, 3)) in go_of_this_machine()


def test_go_of_a_python_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = fake_go(tmp_path / "lib/python3.12/site-packages/go", "1.27.3")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/go").write_text("#!/bin/false\n")
    (tmp_path / "bin/go").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert go_of_this_machine()[0] == GoInstallation(root=str(root), version=(1, 27, 3))


def test_a_folder_that_is_no_go_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = fake_go(tmp_path / "go", "devel +abc")
    monkeypatch.setenv("PATH", str(root / "bin"))
    assert all(go.root != str(root) for go in go_of_this_machine())
