"""Committing a patch on a new branch of the target, its work tree and index untouched.

The target's `.git` is untrusted: its settings can name programs for filters, hooks and file
monitors. Every command runs in a clean git folder that borrows the target's objects and refs
(`sandbox.git.git_process`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agent.errors import CommitRefused
from agent.patches.changes import FileChange
from agent.patches.commit import Author, write_commit
from agent.untrusted_text import printable
from cli.errors import ApplyRefused, BadInput
from sandbox.git.folder import GitLeadsOutside, find_git_folder
from sandbox.git.git_process import GitFailed, borrow, run_git
from sandbox.git.ownership import make_branch, objects_apart
from sandbox.isolation.owner import scratch_folder

FALLBACK_IDENTITY = {"user.name": "Repair", "user.email": "repair@localhost"}


def check_branch_name(name: str) -> None:
    """Check the name of a new branch. Raises BadInput when git would not take it."""
    refusal = BadInput(f"--branch {printable(name)!r} is not a name git allows for a branch.")
    if name.startswith("-") or "\0" in name:
        raise refusal
    try:
        run_git(["check-ref-format", f"refs/heads/{name}"], variables={})
    except GitFailed as error:
        raise refusal from error


def commit_on_branch(
    target: Path, name: str, at: str | None, changes: Mapping[str, FileChange], message: str
) -> str:
    """Commit the changes on top of `at` (None: HEAD) as new branch `name`; return the id.

    Raises ApplyRefused when the target is no git repository, the branch exists, or a file
    in the commit is not, byte for byte, what the repair worked on.
    """
    folder = target.resolve()
    try:
        git_folder = find_git_folder(folder)
    except GitLeadsOutside as error:
        raise ApplyRefused(f"git could not commit: {printable(str(error))}") from error
    if git_folder is None or git_folder.top is None:
        raise ApplyRefused(f"{printable(str(target))} is not in a git repository; use --apply.")
    prefix = folder.relative_to(git_folder.top).as_posix()
    with scratch_folder() as scratch, _told(), borrow(git_folder, Path(scratch)) as repository:
        with objects_apart(repository, git_folder.common, Path(scratch)) as scratch_repository:
            commit = write_commit(
                scratch_repository,
                Path(scratch),
                base=repository.commit(at or "HEAD"),
                prefix="" if prefix == "." else prefix,
                changes=changes,
                message=message,
                author=_author(Path(scratch)),
            )
        try:
            make_branch(repository, git_folder.common, name, commit)
        except GitFailed as error:
            raise ApplyRefused(
                f"The branch {printable(name)} could not be made ({printable(str(error))}); "
                "give --branch a name that is not taken."
            ) from error
    return commit


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong with the commit, and what to do."""
    try:
        yield
    except CommitRefused as error:
        raise ApplyRefused(
            f"{printable(str(error))}: it has changes that are not committed. "
            "Commit them first, or use --apply."
        ) from error
    except (GitFailed, GitLeadsOutside) as error:
        raise ApplyRefused(f"git could not commit: {printable(str(error))}") from error


def _author(scratch: Path) -> Author:
    """The user's own name where git knows one; a commit needs some."""
    identity = {}
    for key, fallback in FALLBACK_IDENTITY.items():
        try:
            value = run_git(["config", "--global", key], variables={}, cwd=scratch)
            identity[key] = value.decode("utf-8", "replace").strip() or fallback
        except GitFailed:
            identity = dict(FALLBACK_IDENTITY)
            break
    return Author(name=identity["user.name"], email=identity["user.email"])
