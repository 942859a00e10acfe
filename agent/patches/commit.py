"""A commit made of a base and a patch, with no work tree and nobody's index.

The repository is one of `sandbox.git.commands`: its settings are ours, so nothing in it runs a
program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent.errors import CommitRefused
from agent.patches.changes import FileChange
from sandbox.git.commands import CleanRepository

PLAIN_FILES = ("100644", "100755")


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who a commit says made it. With a date, the same content gives the same commit id."""

    name: str
    email: str
    date: str | None = None
    """As git takes it, e.g. `1764000000 +0000`; None for now."""

    def variables(self) -> dict[str, str]:
        variables = {}
        for role in ("AUTHOR", "COMMITTER"):
            variables[f"GIT_{role}_NAME"] = self.name
            variables[f"GIT_{role}_EMAIL"] = self.email
            if self.date is not None:
                variables[f"GIT_{role}_DATE"] = self.date
        return variables


def write_commit(
    repository: CleanRepository,
    scratch: Path,
    *,
    base: str,
    changes: Mapping[str, FileChange],
    message: str,
    author: Author,
    prefix: str = "",
) -> str:
    """Write the changes on top of `base` into the object store; return the commit's id.

    `prefix` is the folder of the project inside the repository. Raises CommitRefused when a
    file in the base is not, byte for byte, what the patch was made against; GitFailed.
    """
    extra = {"GIT_INDEX_FILE": str(scratch / "index"), **author.variables()}
    work = _Work(replace(repository, work_tree=None, extra=extra), scratch)
    tree = work.tree(base, prefix, changes)
    return work.run("commit-tree", tree, "-p", base, "-m", message)


@dataclass(frozen=True)
class _Work:
    """Plumbing with a scratch index."""

    repository: CleanRepository
    scratch: Path

    def run(self, *words: str) -> str:
        output = self.repository.git("--literal-pathspecs", *words, cwd=self.scratch)
        return output.decode("utf-8", "surrogateescape").strip("\n")

    def tree(self, base: str, prefix: str, changes: Mapping[str, FileChange]) -> str:
        self.run("read-tree", base)
        for path, (old, new) in changes.items():
            full = f"{prefix}/{path}" if prefix else path
            mode = self._expect(base, full, old)
            if new is None:
                self.run("update-index", "--force-remove", "--", full)
                continue
            content = self.scratch / "content"
            content.write_bytes(new)
            blob = self.run("hash-object", "-w", "--no-filters", "--", str(content))
            self.run("update-index", "--add", "--cacheinfo", f"{mode},{blob},{full}")
        return self.run("write-tree")

    def _expect(self, base: str, path: str, old: bytes | None) -> str:
        """Compare the committed file with what the patch was made against; return its mode."""
        entry = self.run("ls-tree", "-z", base, "--", path).split("\0")[0]
        if not entry:
            mode, committed_content = PLAIN_FILES[0], None
        else:
            mode, _, blob = entry.split("\t", 1)[0].split(" ")
            committed_content = self.repository.git("cat-file", "blob", blob, cwd=self.scratch)
        if mode not in PLAIN_FILES:
            raise CommitRefused(f"{path} is not a plain file in the commit")
        if committed_content != old:
            raise CommitRefused(f"{path} in the commit is not the file the repair worked on")
        return mode
