"""From a path or URL to a folder of files. The target is only ever read."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sandbox.errors import BadTarget
from sandbox.git.fetch import fetch
from sandbox.git.folder import GitFolder, GitLeadsOutside, find_git_folder, read_git_folder
from sandbox.git.git_process import CleanRepository, GitFailed, borrow
from sandbox.git.login import Login, split_login
from sandbox.git.remote import BadAddress, Reach
from sandbox.host import no_follow
from sandbox.snapshots.listing import TreeLimits, expand, walk, work_tree_paths

_URL = re.compile(r"(?:git|http|https|ssh|git\+ssh|ssh\+git)://", re.IGNORECASE)
_SCP_LIKE = re.compile(r"(?:[\w.+-]+@)?[\w.-]+:(?!:|//)[^\s]")
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """A folder and which of its files are the project."""

    root: Path
    paths: tuple[str, ...]
    """Relative to `root`, sorted; bytes that are not UTF-8 are surrogates."""
    name: str
    base_commit: str | None = None
    """The commit that is taken, or lies under the work tree; None without git."""
    dirty: bool = False
    """The work tree differs from `base_commit`, or holds files that git does not know."""
    prefix: str = ""
    """Path of `root` inside its repository, `""` at the top."""
    version: str | None = None
    """From the newest tag before the commit, e.g. `8.1.3`."""
    tag: str | None = None
    """That tag, as it is written, e.g. `v8.1.3`."""
    empty_submodules: tuple[str, ...] = ()
    """Folders of submodules whose content is not here."""
    notes: tuple[str, ...] = ()
    real: bool = False
    """No part of `root` may be a link any more: it was checked, and others may write there."""


def resolve(
    target: str,
    at: str | None,
    scratch: Path,
    limits: TreeLimits | None = None,
    reach: Reach = Reach.ANYWHERE,
    root: Path | None = None,
    login: Login | None = None,
    cut_off: Callable[[], bool] = lambda: False,
) -> SourceTree:
    """Find the files of `target`, a folder or a git URL; `at` takes one commit of it exactly.

    `scratch` is a folder of the caller's for what has to be fetched or checked out; it must
    outlive the result. With a narrower `reach`, `target` is a URL. With a `root`, it is a folder
    by its full path without links, and nothing outside `root` is read. `login` is for a URL
    without one, with the widest reach; once `cut_off` says so a fetch ends. Raises BadTarget,
    which names no login.
    """
    limits = limits or TreeLimits()
    scratch.mkdir(parents=True, exist_ok=True)
    if root is not None:
        return _below(Path(target), root, at, scratch, limits)
    fetch_tree = partial(_from_url, target, at, scratch, limits, reach, login, cut_off)
    if reach is not Reach.ANYWHERE:
        return fetch_tree()
    if target.lower().startswith("file://"):
        return _from_folder(Path(unquote(urlsplit(target).path)), at or "HEAD", scratch, limits)
    if _is_url(target):
        return fetch_tree()
    return _from_folder(Path(target).expanduser(), at, scratch, limits)


def _is_url(target: str) -> bool:
    if _URL.match(target):
        return True
    return bool(_SCP_LIKE.match(target)) and not os.path.lexists(target)


def _below(
    folder: Path, root: Path, at: str | None, scratch: Path, limits: TreeLimits
) -> SourceTree:
    """What was checked before is looked at again: links may have been put there meanwhile."""
    try:
        with no_follow.opened(folder):
            is_below = folder.is_relative_to(root) and ".." not in folder.parts
    except (OSError, ValueError) as error:
        raise BadTarget(
            f"{folder} is no folder any more, or a part of its path is a link"
        ) from error
    if not is_below:
        raise BadTarget(f"{folder} is not below {root}")
    tree = _from_folder(folder, at, scratch, limits, root)
    return replace(tree, real=tree.root == folder)


def _from_folder(
    path: Path, at: str | None, scratch: Path, limits: TreeLimits, root: Path | None = None
) -> SourceTree:
    folder = _existing_folder(path)
    if root is not None and folder != path:
        raise BadTarget(f"a part of the path {path} is a link")
    try:
        git_folder = find_git_folder(folder, root)
        bare = read_git_folder(folder, root)
        if bare is not None and (git_folder is None or git_folder.top != folder):
            with borrow(bare, scratch, contested=root is not None) as repository:
                return _at_commit(repository, at or "HEAD", folder, "", scratch, limits)
        if git_folder is not None and git_folder.top is not None:
            with borrow(git_folder, scratch, contested=root is not None) as repository:
                return _in_git(repository, git_folder.top, folder, at, scratch, limits)
    except GitLeadsOutside as error:
        if at is not None or root is not None:
            raise BadTarget(f"the repository of {folder} cannot be read: {error}") from error
        return _plain(folder, limits, f"its git folder is left alone ({error}): all files taken")
    except GitFailed as error:
        if at is not None:
            raise BadTarget(f"git cannot read the repository of {folder}: {error}") from error
        return _plain(folder, limits, f"git cannot read this work tree ({error}): all files taken")
    if at is not None:
        raise BadTarget(f"{folder} is not in a git repository, so it has no commit {at}")
    return _plain(folder, limits)


def _in_git(
    repository: CleanRepository,
    top: Path,
    folder: Path,
    at: str | None,
    scratch: Path,
    limits: TreeLimits,
) -> SourceTree:
    if at is None:
        return _work_tree(repository, folder, top, limits)
    return _at_commit(repository, at, folder, _prefix(folder, top), scratch, limits)


def _existing_folder(path: Path) -> Path:
    try:
        folder = path.resolve()
        if not folder.exists():
            raise BadTarget(f"there is no such path: {path}")
        if not folder.is_dir():
            raise BadTarget(f"{path} is a file; name the folder that holds the project")
        if not os.listdir(folder):  # noqa: PTH208 (its iterator would have to be closed)
            raise BadTarget(f"{path} is an empty folder")
    except (OSError, RuntimeError, ValueError) as error:
        raise BadTarget(f"{path} cannot be read: {error}") from error
    return folder


def _prefix(folder: Path, top: Path) -> str:
    prefix = folder.relative_to(top).as_posix()
    return "" if prefix == "." else prefix


def _plain(folder: Path, limits: TreeLimits, *notes: str) -> SourceTree:
    paths = expand(folder, walk(folder), limits)
    if not paths:
        raise BadTarget(f"{folder} holds no files of a project")
    return SourceTree(root=folder, paths=tuple(paths), name=folder.name, notes=notes)


def _work_tree(
    repository: CleanRepository, folder: Path, top: Path, limits: TreeLimits
) -> SourceTree:
    tracked_paths, untracked_paths = work_tree_paths(repository, folder)
    if not tracked_paths and not untracked_paths:
        return _plain(folder, limits, "git ignores this folder: all files taken")
    status = repository.git(
        "status", "--porcelain", "-z", "-uno", "--ignore-submodules=all", "--", ".", cwd=folder
    )
    paths = expand(folder, [*tracked_paths, *untracked_paths], limits)
    if not paths:
        raise BadTarget(f"{folder} holds no files: all that git knows were deleted")
    tag = _newest_tag(repository, "HEAD")
    empty = _empty_submodules(repository, folder, ":")
    return SourceTree(
        root=folder,
        paths=tuple(paths),
        name=folder.name,
        base_commit=_commit_or_none(repository),
        dirty=bool(status or untracked_paths),
        prefix=_prefix(folder, top),
        version=_version_in(tag),
        tag=tag,
        empty_submodules=empty,
        notes=_submodule_notes(empty),
    )


def _commit_or_none(repository: CleanRepository) -> str | None:
    try:
        return repository.commit("HEAD")
    except GitFailed:
        return None  # a new repository without a commit


def _at_commit(
    repository: CleanRepository,
    at: str,
    origin: Path,
    prefix: str,
    scratch: Path,
    limits: TreeLimits,
) -> SourceTree:
    commit = _known_commit(repository, at, origin)
    check_size(repository, commit, origin, limits)
    tree = Path(tempfile.mkdtemp(prefix="tree-", dir=scratch)) / "files"
    try:
        repository.check_out(commit, tree)
    except GitFailed as error:
        raise BadTarget(f"commit {at} of {origin} cannot be checked out: {error}") from error
    root = tree / prefix
    if not root.is_dir():
        raise BadTarget(f"commit {at} has no folder {prefix}")
    paths = expand(root, walk(root), limits)
    if not paths:
        raise BadTarget(f"commit {at} of {origin} holds no files")
    tag = _newest_tag(repository, commit)
    empty = _empty_submodules(repository, root, f"{commit}:{prefix}")
    return SourceTree(
        root=root,
        paths=tuple(paths),
        name=_name(origin),
        base_commit=commit,
        prefix=prefix,
        version=_version_in(tag),
        tag=tag,
        empty_submodules=empty,
        notes=_submodule_notes(empty),
    )


def _name(origin: Path) -> str:
    plain = origin.parent if origin.name == ".git" else origin
    return plain.name.removesuffix(".git") or "project"


def _known_commit(repository: CleanRepository, at: str, origin: Path) -> str:
    for name in (at, f"refs/remotes/origin/{at}"):
        try:
            return repository.commit(name)
        except GitFailed:
            continue
    raise BadTarget(f"{origin} has no commit, branch or tag called {at}")


def check_size(repository: CleanRepository, commit: str, origin: Path, limits: TreeLimits) -> None:
    """Raises BadTarget where a commit lacks files, or holds more than can be worked on."""
    listing = repository.git("ls-tree", "-r", "-l", "-z", "--full-tree", commit).split(b"\0")[:-1]
    sizes = [line.split(b"\t", 1)[0].split()[3] for line in listing]
    if b"BAD" in sizes:  # what git writes where it has no such object
        raise BadTarget(
            f"{origin} lacks {sizes.count(b'BAD'):,} of the files of that commit (a partial or a "
            "damaged clone); clone it anew without --filter, or `git fetch --refetch`"
        )
    total = sum(int(size) for size in sizes if size != b"-")
    if len(sizes) > limits.files or total > limits.total_bytes:
        raise BadTarget(
            f"{origin} holds {len(sizes):,} files of {total / 1024**2:,.0f} MiB at that commit; "
            f"at most {limits.files:,} files of {limits.total_bytes / 1024**2:,.0f} MiB work"
        )


def _newest_tag(repository: CleanRepository, commit: str) -> str | None:
    try:
        tag = repository.git("describe", "--tags", "--abbrev=0", commit)
    except GitFailed:
        return None
    return tag.decode("utf-8", "replace").strip()


def _version_in(tag: str | None) -> str | None:
    match = _VERSION.search(tag or "")
    return match[0] if match else None


def _empty_submodules(repository: CleanRepository, root: Path, tree: str) -> tuple[str, ...]:
    """Return the paths below `root` of the submodules whose content is not there.

    `tree` is git's tree of `root`; `:` is its index.
    """
    if tree == ":":
        listing = repository.git("ls-files", "-z", "--stage", "--", ".", cwd=root)
    else:
        listing = repository.git("ls-tree", "-r", "-z", tree)
    entries = [line.split(b"\t", 1) for line in listing.split(b"\0") if line[:6] == b"160000"]
    return tuple(
        path
        for path in (os.fsdecode(entry[1]) for entry in entries)
        if not (root / path).is_dir() or not any((root / path).iterdir())
    )


def _submodule_notes(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"the submodule {path!r} is empty here" for path in paths)


def _from_url(
    target: str,
    at: str | None,
    scratch: Path,
    limits: TreeLimits,
    reach: Reach,
    login: Login | None,
    cut_off: Callable[[], bool],
) -> SourceTree:
    git_folder = Path(tempfile.mkdtemp(prefix="clone-", dir=scratch)) / "repository.git"
    try:
        url, own_login = split_login(target)
    except ValueError as error:
        raise BadTarget(f"the repository cannot be cloned: {error}") from None
    try:
        commit = fetch(url, at, git_folder, reach, own_login or login, cut_off)
    except (GitFailed, BadAddress) as error:
        raise BadTarget(f"{url} cannot be cloned: {error}") from error
    name = re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git")
    try:
        real_folder = git_folder.resolve()
        with borrow(GitFolder(real_folder, real_folder), scratch) as repository:
            return _at_commit(repository, commit, Path(name), "", scratch, limits)
    except (GitFailed, GitLeadsOutside) as error:
        raise BadTarget(f"{url} cannot be read: {error}") from error
