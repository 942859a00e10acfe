"""Repositories that tasks are taken from: only read, and nothing in them makes git run programs."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.evaluation.errors import DataUnreadable
from agent.patches.changes import FileChange
from agent.untrusted_text import shortened
from sandbox.errors import BadTarget
from sandbox.git.folder import GitLeadsOutside, find_git_folder, read_git_folder
from sandbox.git.git_process import CleanRepository, GitFailed, borrow, run_git
from sandbox.snapshots.checkout import check_size
from sandbox.snapshots.listing import TreeLimits

_IDENTITY = {
    **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "evaluation"),
    **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "evaluation@localhost"),
    **dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2000-01-01T00:00:00Z"),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


@dataclass(frozen=True)
class GitSource:
    """A repository of the user's: a work tree, or a bare one."""

    folder: Path

    @contextmanager
    def opened(self) -> Iterator[OpenSource]:
        """Raises DataUnreadable, inside the block as well, where git cannot read it."""
        folder = self.folder.resolve()
        try:
            git_folder = find_git_folder(folder) or read_git_folder(folder)
            if git_folder is None:
                raise DataUnreadable(f"{self.folder} is no git repository")
            with (
                tempfile.TemporaryDirectory(prefix="repair-history-") as scratch,
                borrow(git_folder, Path(scratch)) as repository,
            ):
                yield OpenSource(repository, self.folder)
        except (GitFailed, GitLeadsOutside) as error:
            raise DataUnreadable(f"git cannot read {self.folder}: {error}") from error
        except BadTarget as error:
            raise DataUnreadable(str(error)) from error


@dataclass(frozen=True)
class OpenSource:
    """Reads commits. Every method raises GitFailed."""

    repository: CleanRepository
    origin: Path
    """The user's folder, for messages."""

    def commit(self, name: str) -> str:
        return self.repository.commit(name)

    def git(self, *arguments: str) -> str:
        return self.repository.git(*arguments).decode("utf-8", "surrogateescape")

    def show(self, commit: str, path: str) -> bytes | None:
        """A file's content at a commit; None where it was not there."""
        name = f"{_checked(commit)}:{path}"
        try:
            return self.repository.git("cat-file", "blob", name)
        except GitFailed:
            return None

    def change(self, before: str, after: str, paths: Sequence[str]) -> dict[str, FileChange]:
        """What became of these files between two commits."""
        return {path: (self.show(before, path), self.show(after, path)) for path in paths}

    def export(self, commit: str, folder: Path, overlay: dict[str, FileChange]) -> Path:
        """Write a commit's files, with what `overlay` makes of some of them, as a repository of one
        commit: without the history in which the fix stands, and with the newest tag, which some
        projects take their version from. Returns the folder, which is below `folder`. Raises
        BadTarget where the commit is larger than any target of a repair may be."""
        target = folder / "project"
        check_size(self.repository, _checked(commit), self.origin, TreeLimits())
        self.repository.check_out(_checked(commit), target)
        for path, (_, new) in overlay.items():
            place = target / path
            if not _is_plain(place, target):
                raise GitFailed(f"{shortened(path, 80)!r} is no path of a file in the repository")
            if new is None:
                place.unlink(missing_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(new)
        self._as_repository(commit, target)
        return target

    def _as_repository(self, commit: str, target: Path) -> None:
        def git(*arguments: str) -> None:
            run_git(arguments, variables=_IDENTITY, cwd=target)

        git("-c", "init.defaultBranch=main", "init", "-q", "--template=")
        git("add", "-A", "-f")
        git("commit", "-q", "--no-gpg-sign", "--no-verify", "--allow-empty", "-m", "Base")
        if tag := self._newest_tag(commit):
            git("tag", "--no-sign", "--", tag)

    def _newest_tag(self, commit: str) -> str:
        try:
            return self.git("describe", "--tags", "--abbrev=0", commit).strip()
        except GitFailed:
            return ""


def _is_plain(place: Path, target: Path) -> bool:
    """Whether a path that others named leads to a file of the project: through no link to
    elsewhere, and not into git's own folder, whose configuration names programs to run."""
    parent, top = place.parent.resolve(), target.resolve()
    parts = [*place.relative_to(target).parts, *parent.parts[len(top.parts) :]]
    is_git_s = any(part.casefold().rstrip(". ") == ".git" for part in parts)
    return parent.is_relative_to(top) and not place.is_symlink() and not is_git_s


def _checked(commit: str) -> str:
    """Data that others made names commits: nothing of it may be an option of git."""
    if not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        raise GitFailed(f"{shortened(commit, 80)!r} is no id of a commit")
    return commit


def find_checkout(checkouts: str | None, repository: str) -> Path:
    """The clone of `owner/name` in the folder that the user named. Raises DataUnreadable."""
    owner, _, name = repository.strip("/").rpartition("/")
    owner = owner.rpartition("/")[2]
    if checkouts is None:
        raise DataUnreadable(
            f"these tasks are about {repository}: name a folder with a clone of it: --checkouts"
        )
    if name in ("", ".", "..") or owner in (".", ".."):
        raise DataUnreadable(f"{shortened(repository, 80)!r} is no name of a repository")
    for place in (f"{owner}+{name}", f"{owner}__{name}", f"{owner}/{name}", name, f"{name}.git"):
        for inside in ("", "repo"):
            folder = Path(checkouts) / place / inside
            if (folder / ".git").exists() or (folder / "HEAD").is_file():
                return folder
    raise DataUnreadable(
        f"{checkouts} holds no clone of {repository}; make one: "
        f"git clone https://github.com/{owner}/{name} {checkouts}/{name}"
    )
