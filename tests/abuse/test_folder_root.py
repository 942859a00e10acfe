"""A client of the service owns a folder below a root, and wants to read a repository outside.

Every attack leads git or the copy to a private repository. Those that race with us are played
move by move: the folder is changed between our look and our use by a hook on our own functions.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.records import RepairJob
from sandbox.errors import BadTarget
from sandbox.git.git_process import CleanRepository
from sandbox.host import programs
from sandbox.snapshots import checkout
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from workers.errors import TargetRefused
from workers.web.api.targets import check_target, root_of

SECRET = "KEY = 'the private one'\n"
WHO = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *WHO, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


def repository(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "code.py").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


@dataclass(frozen=True)
class Place:
    root: Path
    mine: Path
    private: Path
    scratch: Path

    @property
    def dot(self) -> Path:
        return self.mine / ".git"

    @property
    def theirs(self) -> Path:
        return self.private / ".git"

    def taken(self, at: str | None) -> str:
        """What of the private repository is read: the answer to a client, or the files."""
        target, _ = check_target(str(self.mine), [self.root])
        tree = resolve(target, at, self.scratch, root=root_of(target, [self.root]))
        snapshot = take_snapshot(tree, self.scratch / "copy")
        return snapshot.tar.read_bytes().decode(errors="replace")

    def read(self, at: str | None) -> str:
        try:
            return self.taken(at)
        except (BadTarget, TargetRefused) as error:
            return f"refused: {error}"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path.resolve()
    return Place(
        root=folder / "root",
        mine=repository(folder / "root" / "team" / "mine", "mine = 1\n"),
        private=repository(folder / "private", SECRET),
        scratch=folder / "scratch",
    )


def replaced(path: Path, by: Path) -> None:
    """A link in the place of a file or folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(by)


def pointer(place: Place) -> None:
    shutil.rmtree(place.dot)
    place.dot.write_text(f"gitdir: {place.theirs}\n")


def relative_pointer(place: Place) -> None:
    shutil.rmtree(place.dot)
    place.dot.write_text("gitdir: ../../../private/.git\n")


def own_pointer_that_goes_on(place: Place) -> None:
    """Its own git folder names it, and has its objects elsewhere."""
    place.dot.rename(place.mine / "real")
    (place.mine / "real" / "commondir").write_text(str(place.theirs))
    (place.mine / "real" / "gitdir").write_text(str(place.dot))
    place.dot.write_text("gitdir: real\n")


def linked(place: Place) -> None:
    replaced(place.dot, place.theirs)


def common(place: Place) -> None:
    (place.dot / "commondir").write_text(str(place.theirs))


def inner_worktree(place: Place) -> None:
    """`worktrees/x` of a folder of its own, whose `../..` is a link."""
    admin = place.mine / "fake" / "worktrees" / "x"
    admin.mkdir(parents=True)
    shutil.rmtree(place.dot)
    place.dot.write_text(f"gitdir: {admin}\n")
    (admin / "gitdir").write_text(str(place.dot))
    (admin / "HEAD").write_text("ref: refs/heads/main\n")
    (admin / "commondir").write_text("../..")
    for name in ("objects", "refs"):
        (place.mine / "fake" / name).symlink_to(place.theirs / name)


def alternates(place: Place) -> None:
    shutil.rmtree(place.dot / "objects")
    (place.dot / "objects" / "info").mkdir(parents=True)
    (place.dot / "objects" / "info" / "alternates").write_text(f"{place.theirs}/objects\n")
    _their_head(place)


def linked_alternates(place: Place) -> None:
    alternates(place)
    (place.dot / "objects" / "info" / "alternates").rename(place.mine / "list")
    (place.dot / "objects" / "info" / "alternates").symlink_to(place.mine / "list")


def linked_info(place: Place) -> None:
    alternates(place)
    (place.dot / "objects" / "info").rename(place.mine / "info")
    (place.dot / "objects" / "info").symlink_to(place.mine / "info")


def linked_objects(place: Place) -> None:
    replaced(place.dot / "objects", place.theirs / "objects")
    _their_head(place)


def linked_pack_folder(place: Place) -> None:
    git(place.private, "gc", "-q")
    replaced(place.dot / "objects" / "pack", place.theirs / "objects" / "pack")
    _their_head(place)


def linked_packs(place: Place) -> None:
    git(place.private, "gc", "-q")
    for path in (place.theirs / "objects" / "pack").iterdir():
        (place.dot / "objects" / "pack" / path.name).symlink_to(path)
    _their_head(place)


def linked_loose_folders(place: Place) -> None:
    for path in (place.theirs / "objects").glob("??"):
        replaced(place.dot / "objects" / path.name, path)
    _their_head(place)


def linked_loose_objects(place: Place) -> None:
    for path in (place.theirs / "objects").glob("??/*"):
        mine = place.dot / "objects" / path.parent.name
        mine.mkdir(exist_ok=True)
        replaced(mine / path.name, path)
    _their_head(place)


def linked_refs(place: Place) -> None:
    replaced(place.dot / "refs", place.theirs / "refs")
    linked_loose_objects(place)


def linked_head(place: Place) -> None:
    replaced(place.dot / "HEAD", place.theirs / "HEAD")
    replaced(place.dot / "objects", place.theirs / "objects")
    replaced(place.dot / "index", place.theirs / "index")


def linked_folder(place: Place) -> None:
    replaced(place.mine, place.private)


def linked_parent(place: Place) -> None:
    place.private.rename(place.private.with_name("mine"))
    replaced(place.mine.parent, place.private.parent)


def written_index(place: Place) -> None:
    """An index that no git wrote: its paths lead up and out."""
    names = (b"../../../private/code.py", b"code.py", b"x/../../../../private/code.py")
    _write_index(place.dot / "index", *names)


def absolute_index(place: Place) -> None:
    _write_index(place.dot / "index", str(place.private / "code.py").encode(), b"code.py")


def _write_index(path: Path, *names: bytes) -> None:
    body = b"DIRC" + struct.pack(">II", 2, len(names))
    for name in sorted(names):
        entry = bytes(24) + struct.pack(">I", 0o100644) + bytes(32) + struct.pack(">H", len(name))
        body += entry + name + bytes(8 - (len(entry) + len(name)) % 8)
    path.write_bytes(body + hashlib.sha1(body).digest())


def linked_file(place: Place) -> None:
    replaced(place.mine / "code.py", place.private / "code.py")


def above_the_root(place: Place) -> None:
    """A repository around the root is not one that the client may read."""
    shutil.rmtree(place.dot)
    place.theirs.rename(place.root.parent / ".git")


def worktree_of_a_stranger(place: Place) -> None:
    """A true one; but its repository is not below the root."""
    shutil.rmtree(place.mine)
    git(place.private, "worktree", "add", "-q", str(place.mine), "-b", "other")
    (place.mine / "code.py").write_text("mine = 1\n")


def _their_head(place: Place) -> None:
    (place.dot / "HEAD").write_text(git(place.private, "rev-parse", "HEAD") + "\n")


ATTACKS = (
    *(pointer, relative_pointer, own_pointer_that_goes_on, linked, common, inner_worktree),
    *(alternates, linked_alternates, linked_info, linked_objects, linked_pack_folder),
    *(linked_packs, linked_loose_folders, linked_loose_objects, linked_refs, linked_head),
    *(
        written_index,
        absolute_index,
        linked_folder,
        linked_parent,
        linked_file,
        above_the_root,
        worktree_of_a_stranger,
    ),
)
Attack = Callable[[Place], None]


@pytest.mark.parametrize("at", [None, "HEAD"], ids=["files", "commit"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_folder_below_the_root_reads_nothing_outside(
    place: Place, attack: Attack, at: str | None
) -> None:
    attack(place)
    read = place.read(at)
    assert SECRET not in read
    assert at is None or read.startswith("refused") or "mine = 1" in read


OF_ITS_USER = (linked_folder, linked_parent, above_the_root, worktree_of_a_stranger)
"""What is no attack where the user of the machine names the folder."""


@pytest.mark.parametrize("at", [None, "HEAD"], ids=["files", "commit"])
@pytest.mark.parametrize(
    "attack",
    [attack for attack in ATTACKS if attack not in OF_ITS_USER],
    ids=lambda attack: attack.__name__,
)
def test_a_folder_that_a_user_names_reads_no_other(
    place: Place, attack: Attack, at: str | None
) -> None:
    """`repair FOLDER`, where somebody else made the folder."""
    attack(place)
    try:
        tree = resolve(str(place.mine), at, place.scratch)
        read = take_snapshot(tree, place.scratch / "copy").tar.read_bytes()
    except BadTarget:
        return
    assert SECRET.encode() not in read


@pytest.mark.parametrize("at", [None, "HEAD"], ids=["files", "commit"])
def test_an_honest_folder_is_read(place: Place, at: str | None) -> None:
    assert "mine = 1" in place.read(at)
    git(place.mine, "gc", "-q")
    assert "mine = 1" in place.read(at)
    git(place.mine, "worktree", "add", "-q", str(place.root / "second"), "-b", "second")
    second = Place(place.root, place.root / "second", place.private, place.scratch)
    assert "mine = 1" in second.read(at)


@pytest.mark.parametrize("attack", [linked_folder, linked_parent], ids=lambda a: a.__name__)
@pytest.mark.parametrize("at", [None, "HEAD"], ids=["files", "commit"])
def test_a_link_after_admission(place: Place, attack: Attack, at: str | None) -> None:
    target, _ = check_target(str(place.mine), [place.root])
    root = root_of(target, [place.root])
    attack(place)
    with pytest.raises(BadTarget, match="link"):
        resolve(target, at, place.scratch, root=root)


@pytest.mark.parametrize("attack", [linked_folder, linked_parent], ids=lambda a: a.__name__)
def test_a_link_between_list_and_copy(place: Place, attack: Attack) -> None:
    tree = resolve(str(place.mine), None, place.scratch, root=place.root)
    attack(place)
    with pytest.raises(BadTarget, match="link"):
        take_snapshot(tree, place.scratch / "copy")


@pytest.mark.parametrize(
    "attack",
    [linked, common, alternates, linked_objects, linked_packs, linked_refs, linked_folder],
    ids=lambda attack: attack.__name__,
)
def test_a_change_between_look_and_use(
    place: Place, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    """After the git folder was found, before it is opened."""
    honest = checkout.borrow

    def late(*arguments: Any, **options: Any) -> Any:
        attack(place)
        return honest(*arguments, **options)

    monkeypatch.setattr(checkout, "borrow", late)
    assert SECRET not in place.read("HEAD")


@pytest.mark.parametrize(
    "attack",
    [linked, common, alternates, linked_objects, linked_packs, linked_loose_objects, linked_refs],
    ids=lambda attack: attack.__name__,
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_change_while_git_reads(
    place: Place, monkeypatch: pytest.MonkeyPatch, attack: Attack, packed: bool
) -> None:
    """What was opened or copied is what git reads."""
    if packed:
        git(place.mine, "gc", "-q")
    honest, struck = CleanRepository.git, []

    def late(self: CleanRepository, *words: str, cwd: Path | None = None) -> bytes:
        if not struck:
            struck.append(attack(place))
        return honest(self, *words, cwd=cwd)

    monkeypatch.setattr(CleanRepository, "git", late)
    read = place.read("HEAD")
    assert struck
    assert "mine = 1" in read
    assert SECRET not in read


@pytest.mark.parametrize("at", [None, "HEAD"], ids=["files", "commit"])
def test_a_tree_of_ten_thousand_million_files(
    place: Place, monkeypatch: pytest.MonkeyPatch, at: str | None
) -> None:
    """Ten objects, each ten times in the next; git is ended before the machine is."""
    monkeypatch.setattr(programs, "MAX_OUTPUT_BYTES", 8 << 20)
    monkeypatch.setattr(programs, "MAX_MEMORY_BYTES", 128 << 20)
    made = git(place.mine, "rev-parse", "HEAD:code.py")
    for kind in ("100644 blob", *["040000 tree"] * 9):
        lines = "".join(f"{kind} {made}\tentry{number}\n" for number in range(10))
        tree = ["git", "mktree"]
        made = subprocess.check_output(tree, cwd=place.mine, input=lines.encode()).decode().strip()
    commit = git(place.mine, "commit-tree", made, "-m", "bomb")
    git(place.mine, "update-ref", "refs/heads/main", commit)
    read = place.read(at)
    assert read.startswith("refused") if at else "mine = 1" in read


def test_no_client_chooses_its_root() -> None:
    from workers.jobs.submission_form import SubmissionForm

    assert "root" in RepairJob.__dataclass_fields__
    assert "root" not in SubmissionForm.model_fields


@pytest.mark.parametrize(
    "attack",
    [linked_objects, linked_loose_folders, linked_refs, alternates],
    ids=lambda attack: attack.__name__,
)
def test_a_branch_is_written_nowhere_else(place: Place, attack: Attack) -> None:
    """`--branch` on a folder whose git folder leads elsewhere."""
    from cli.delivery.branch import commit_on_branch
    from cli.errors import ApplyRefused

    attack(place)
    before = {path: path.lstat().st_mtime_ns for path in place.private.rglob("*")}
    changes = {"code.py": (b"mine = 1\n", b"mine = 2\n")}
    with pytest.raises(ApplyRefused):
        commit_on_branch(place.mine, "mended", None, changes, "Fix")
    assert {path: path.lstat().st_mtime_ns for path in place.private.rglob("*")} == before


def test_a_branch_is_not_written_through_a_link(place: Place) -> None:
    from cli.delivery.branch import commit_on_branch
    from cli.errors import ApplyRefused

    (place.private / "refs").mkdir()
    (place.dot / "refs" / "heads" / "team").symlink_to(place.private / "refs")
    changes = {"code.py": (b"mine = 1\n", b"mine = 2\n")}
    with pytest.raises(ApplyRefused):
        commit_on_branch(place.mine, "team/mended", None, changes, "Fix")
    assert list((place.private / "refs").iterdir()) == []
    (place.dot / "refs" / "heads" / "team").unlink()
    commit = commit_on_branch(place.mine, "mended", None, changes, "Fix")
    assert git(place.mine, "rev-parse", "mended") == commit
    assert git(place.mine, "show", "mended:code.py") == "mine = 2"
