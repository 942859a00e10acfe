from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

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
