"""Committing a patch on a new branch of the target, its work tree and index untouched.

The target's `.git` is untrusted: its settings can name programs for filters, hooks and file
monitors. Every command runs in a clean git folder that borrows the target's objects and refs
(`sandbox.git`), with an index of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from agent.escape import printable
from agent.patch import FileChange
from cli.errors import ApplyRefused, BadInput
from sandbox.git import CleanRepository, GitFailed, borrow, find_git_folder, run_git

FALLBACK_IDENTITY = {"user.name": "Repair", "user.email": "repair@localhost"}
PLAIN_FILES = ("100644", "100755")


def check_branch_name(name: str) -> None:
    """Raises BadInput when git would not take the name."""
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
    found = find_git_folder(folder)
    if found is None:
        raise ApplyRefused(f"{printable(str(target))} is not in a git repository; use --apply.")
    top, git_folder = found
    with tempfile.TemporaryDirectory(prefix="repair-branch-") as scratch:
        try:
            work = _Work(borrow(git_folder, Path(scratch)), Path(scratch))
            base = work.repository.commit(at or "HEAD")
            tree = work.tree(base, folder.relative_to(top).as_posix(), changes)
            commit = work.run("commit-tree", tree, "-p", base, "-m", message)
        except GitFailed as error:
            raise ApplyRefused(f"git could not commit: {printable(str(error))}") from error
        try:
            work.run("update-ref", f"refs/heads/{name}", commit, "0" * len(commit))
        except GitFailed as error:
            raise ApplyRefused(
                f"The branch {printable(name)} could not be made ({printable(str(error))}); "
                "give --branch a name that is not taken."
            ) from error
    return commit


class _Work:
    """Plumbing on a borrowed repository with a scratch index."""

    def __init__(self, clean: CleanRepository, scratch: Path) -> None:
        self._scratch = scratch
        extra = {"GIT_INDEX_FILE": str(scratch / "index"), **_identity(scratch)}
        self.repository = CleanRepository(clean.git_folder, clean.objects, None, extra)

    def run(self, *words: str) -> str:
        output = self.repository.git("--literal-pathspecs", *words, cwd=self._scratch)
        return output.decode("utf-8", "surrogateescape").strip("\n")

    def tree(self, base: str, prefix: str, changes: Mapping[str, FileChange]) -> str:
        self.run("read-tree", base)
        for path, (old, new) in changes.items():
            full = path if prefix == "." else f"{prefix}/{path}"
            mode = self._expect(base, full, old)
            if new is None:
                self.run("update-index", "--force-remove", "--", full)
                continue
            content = self._scratch / "content"
            content.write_bytes(new)
            blob = self.run("hash-object", "-w", "--no-filters", "--", str(content))
            self.run("update-index", "--add", "--cacheinfo", f"{mode},{blob},{full}")
        return self.run("write-tree")

    def _expect(self, base: str, path: str, old: bytes | None) -> str:
        """Compare the committed file with what the repair worked on; return its mode."""
        entry = self.run("ls-tree", "-z", base, "--", path).split("\0")[0]
        if not entry:
            mode, now = PLAIN_FILES[0], None
        else:
            mode, _, blob = entry.split("\t", 1)[0].split(" ")
            now = self.repository.git("cat-file", "blob", blob, cwd=self._scratch)
        if mode not in PLAIN_FILES:
            raise ApplyRefused(f"{printable(path)} is not a plain file in the commit.")
        if now != old:
            raise ApplyRefused(
                f"{printable(path)} in the commit is not the file the repair worked on: it has "
                "changes that are not committed. Commit them first, or use --apply."
            )
        return mode


def _identity(scratch: Path) -> dict[str, str]:
    """The user's own name where git knows one; a commit needs some."""
    found = {}
    for key, fallback in FALLBACK_IDENTITY.items():
        try:
            value = run_git(["config", "--global", key], variables={}, cwd=scratch)
            found[key] = value.decode("utf-8", "replace").strip() or fallback
        except GitFailed:
            found = dict(FALLBACK_IDENTITY)
            break
    name, email = found["user.name"], found["user.email"]
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }
