from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from cli.delivery import apply
from cli.delivery.apply import apply_to_tree
from cli.errors import ApplyRefused


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_files_are_replaced_with_mode_and_line_endings(tmp_path: Path) -> None:
    script = tmp_path / "pkg" / "run.py"
    script.parent.mkdir()
    script.write_bytes(b"a = 1\r\nb = 2\r\n")
    script.chmod(0o755)
    before = script.stat().st_ino
    done = apply_to_tree(tmp_path, {"pkg/run.py": (b"a = 1\r\nb = 2\r\n", b"a = 1\r\nb = 3\r\n")})
    assert done == ("pkg/run.py",)
    assert script.read_bytes() == b"a = 1\r\nb = 3\r\n"
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    assert script.stat().st_ino != before
    assert names(script.parent) == ["run.py"]


def test_a_file_that_changed_stops_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"a\n")
    (tmp_path / "b.py").write_bytes(b"changed since\n")
    with pytest.raises(ApplyRefused, match=r"b\.py changed since the repair began"):
        apply_to_tree(tmp_path, {"a.py": (b"a\n", b"A\n"), "b.py": (b"b\n", b"B\n")})
    assert (tmp_path / "a.py").read_bytes() == b"a\n"
    assert names(tmp_path) == ["a.py", "b.py"]


def test_new_and_removed_files(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_bytes(b"x\n")
    apply_to_tree(tmp_path, {"new/n.py": (None, b"n\n"), "old.py": (b"x\n", None)})
    assert (tmp_path / "new" / "n.py").read_bytes() == b"n\n"
    assert not (tmp_path / "old.py").exists()
    with pytest.raises(ApplyRefused, match="changed since"):
        apply_to_tree(tmp_path, {"new/n.py": (None, b"again\n")})


@pytest.mark.parametrize("path", ["../out.py", "/etc/out.py", ".git/config", "a/../../out.py"])
def test_nothing_outside_the_target_is_written(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(ApplyRefused, match="not a file to change"):
        apply_to_tree(root, {path: (None, b"x")})
    assert names(tmp_path) == ["root"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "x.py").write_bytes(b"x\n")
    (root / "folder").symlink_to(outside)
    (root / "x.py").symlink_to(outside / "x.py")
    for path in ("folder/x.py", "x.py"):
        with pytest.raises(ApplyRefused, match="symbolic link"):
            apply_to_tree(root, {path: (b"x\n", b"y\n")})
    assert (outside / "x.py").read_bytes() == b"x\n"


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    (tmp_path / name).write_bytes(b"x\n")
    apply_to_tree(tmp_path, {name: (b"x\n", b"y\n")})
    assert (tmp_path / name).read_bytes() == b"y\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for somebody else")
def test_root_leaves_files_to_their_owner(tmp_path: Path) -> None:
    owner = (12_345, 12_346)
    (tmp_path / "a.py").write_bytes(b"a\n")
    for path in (tmp_path, tmp_path / "a.py"):
        os.chown(path, *owner)
    apply_to_tree(tmp_path, {"a.py": (b"a\n", b"A\n"), "new/deep/b.py": (None, b"b\n")})
    for name in ("a.py", "new", "new/deep", "new/deep/b.py"):
        found = (tmp_path / name).stat()
        assert (found.st_uid, found.st_gid) == owner, name


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What the owner of the tree would have us write into."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "x.py").write_bytes(b"x\n")
    return folder


def test_a_folder_that_becomes_a_link_after_the_check(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "x.py").write_bytes(b"x\n")
    check = apply._expect

    def check_and_swap(*words: Any) -> Any:
        found = check(*words)
        if not (root / "pkg").is_symlink():
            (root / "pkg").rename(root / "aside")
            (root / "pkg").symlink_to(outside)
        return found

    monkeypatch.setattr(apply, "_expect", check_and_swap)
    apply_to_tree(root, {"pkg/x.py": (b"x\n", b"y\n")})
    assert (outside / "x.py").read_bytes() == b"x\n"
    assert names(outside) == ["x.py"]
    assert (root / "aside" / "x.py").read_bytes() == b"y\n"


def test_a_new_folder_that_becomes_a_link(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    make = os.mkdir

    def make_and_swap(path: Any, *words: Any, **options: Any) -> None:
        make(path, *words, **options)
        (root / "new").rename(root / "aside")
        (root / "new").symlink_to(outside)

    monkeypatch.setattr(os, "mkdir", make_and_swap)
    with pytest.raises(ApplyRefused, match="symbolic link"):
        apply_to_tree(root, {"new/n.py": (None, b"n\n")})
    assert names(outside) == ["x.py"]


def test_a_new_folder_that_another_took_the_place_of(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = os.mkdir

    def make_and_swap(path: Any, *words: Any, **options: Any) -> None:
        make(path, *words, **options)
        (tmp_path / "new").rename(tmp_path / "aside")
        outside.rename(tmp_path / "new")

    monkeypatch.setattr(os, "mkdir", make_and_swap)
    with pytest.raises(ApplyRefused, match="another folder took its place"):
        apply_to_tree(tmp_path, {"new/n.py": (None, b"n\n")})
    assert names(tmp_path / "new") == ["x.py"]


def test_the_tree_itself_is_reached_without_links(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "root").symlink_to(outside)
    with pytest.raises(ApplyRefused, match="symbolic link"):
        apply_to_tree(tmp_path / "root", {"x.py": (b"x\n", b"y\n")})


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    for path in ("pipe.py", "folder.py"):
        with pytest.raises(ApplyRefused, match="no regular file"):
            apply_to_tree(tmp_path, {path: (None, b"x\n")})


def test_no_patch_makes_a_program_that_runs_as_its_owner(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_bytes(b"x\n")
    (tmp_path / "x.py").chmod(0o6755)
    apply_to_tree(tmp_path, {"x.py": (b"x\n", b"y\n")})
    assert stat.S_IMODE((tmp_path / "x.py").stat().st_mode) == 0o755
