"""Trees that hostile code left: removed, walked, sealed and copied whatever is in them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sandbox.environments.sealing import Seal, copy_tree, stamp_of, take_over
from sandbox.host.untrusted_tree import MAX_FOLDER_LEVELS, TooDeep, remove_tree, walk

NOBODY = 65532
PROJECT = Path(__file__).parents[4]


def nest(root: Path, levels: int, name: str = "d" * 50) -> None:
    """Make folders inside folders, deeper than a path can say."""
    root.mkdir(parents=True, exist_ok=True)
    fd = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd))
    os.close(fd)


def test_folders_deeper_than_a_path_are_removed(tmp_path: Path) -> None:
    nest(tmp_path / "tree", 3000)
    nest(tmp_path / "tree" / "other", 50)
    remove_tree(tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []
    remove_tree(tmp_path / "tree")  # nothing there is nothing to do


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("mine")
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "out").symlink_to(kept)
    (tree / "loop").symlink_to(".")
    (tree / "bomb").symlink_to("bomb/bomb")
    os.mkfifo(tree / "pipe")
    remove_tree(tree)
    assert (kept / "file").read_text() == "mine"
    (tmp_path / "link").symlink_to(kept)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        remove_tree(tmp_path / "link")
    assert (kept / "file").exists()


SHUT = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sandbox.environments.sealing import take_over
from sandbox.host.untrusted_tree import remove_tree, walk
if os.getuid() == 0:
    os.setgid(65532); os.setuid(65532)
root = Path(sys.argv[1])
for name in ("one", "two"):
    (root / name / "a" / "b").mkdir(parents=True)
    (root / name / "a" / "b" / "file").write_text("x")
    (root / name / "a" / "b" / "file").chmod(0)
    (root / name / "a" / "b").chmod(0)
    (root / name / "a").chmod(0)
take_over(root / "one", 1 << 30)
assert (root / "one" / "a" / "b" / "file").read_text() == "x"
assert sorted(node.path for node in walk(root / "one")) == ["a", "a/b", "a/b/file"]
remove_tree(root / "two")
remove_tree(root / "one")
print(os.listdir(root))
"""


def test_shut_folders_are_no_obstacle_to_a_user_who_is_not_root() -> None:
    # Not below pytest's own folder: other users may not enter it.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-c", SHUT, folder, str(PROJECT)], capture_output=True, text=True
        )
    assert done.stdout == "[]\n", done.stderr


def test_what_cannot_be_removed_is_told_and_the_rest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "tree"
    for name in ("a", "b", "stuck", "z"):
        (tree / name / "sub").mkdir(parents=True)
    rmdir = os.rmdir

    def refusing(name: str, *, dir_fd: int | None = None) -> None:
        if name == "stuck":
            raise PermissionError(1, "refused", name)
        rmdir(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", refusing)
    with pytest.raises(PermissionError, match="refused"):
        remove_tree(tree)
    assert [each.name for each in tree.iterdir()] == ["stuck"]


def test_a_tree_that_is_too_deep_is_not_kept(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    nest(tmp_path / "deep", MAX_FOLDER_LEVELS + 5, "d")
    with pytest.raises(TooDeep):
        take_over(tmp_path / "deep", 1 << 30)
    nest(tmp_path / "long", 30, "d" * 200)
    with pytest.raises(TooDeep):
        take_over(tmp_path / "long", 1 << 30)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_sealed_tree_may_be_read_by_all_and_holds_no_device(tmp_path: Path) -> None:
    (tmp_path / "t" / "bin").mkdir(parents=True)
    script = tmp_path / "t" / "bin" / "tool"
    script.write_text("x")
    script.chmod(0o4711)
    (tmp_path / "t" / "shut").mkdir(mode=0)
    os.mkfifo(tmp_path / "t" / "pipe")
    (tmp_path / "t" / "out").symlink_to("/etc")
    mode = stat.S_IMODE(Path("/etc").stat().st_mode)
    take_over(tmp_path / "t", 1 << 30)
    found = {n.path: stat.S_IMODE(n.status.st_mode) for n in walk(tmp_path / "t")}
    assert found == {"bin": 0o755, "bin/tool": 0o755, "shut": 0o755, "out": 0o777}
    assert stat.S_IMODE(Path("/etc").stat().st_mode) == mode


def test_a_seal_notices_every_change(tmp_path: Path) -> None:
    tree = tmp_path / "t"
    tree.mkdir()
    file = tree / "f.py"
    file.write_text("x = 1")
    times = file.stat()
    first = Seal.of(tree)
    file.write_text("x = 2")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as an attacker would
    assert stamp_of(tree) != first.stamp
    assert Seal.of(tree).content != first.content
    file.write_text("x = 1")
    assert Seal.of(tree).content == first.content
    (tree / "new").symlink_to("f.py")
    assert Seal.of(tree).content != first.content


def test_a_copy_names_its_own_place_and_keeps_times(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "bin").mkdir(parents=True)
    (old / "lib").mkdir()
    (old / "bin" / "tool").write_text(f"#!{old}/bin/python\nprint()")
    (old / "bin" / "python").symlink_to("/usr/bin/python3")
    (old / "lib" / "m.py").write_text(f"# {old}")
    os.utime(old / "lib" / "m.py", (1, 1))
    new.mkdir()
    copy_tree(old, new, None)
    assert (new / "bin" / "tool").read_text() == f"#!{new}/bin/python\nprint()"
    assert (new / "bin" / "python").readlink() == Path("/usr/bin/python3")
    assert (new / "lib" / "m.py").read_text() == f"# {old}"
    assert (new / "lib" / "m.py").stat().st_mtime == 1
