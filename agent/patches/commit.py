"""A commit made of a base and a patch, with no work tree and nobody's index.

The repository is one of `sandbox.git.git_process`: its settings are ours, so nothing in it runs a
program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent.errors import CommitRefused
from agent.patches.changes import FileChange
from sandbox.git.git_process import CleanRepository

PLAIN_FILES = ("100644", "100755")
JOINER = "\N{WORD JOINER}"
_DIRECTIVE = re.compile(
    r"(?i)\[[^\[\]\n]{0,60}skip[^\[\]\n]{0,60}\]|\[no[ _-]?ci\]|\*{3}no_ci\*{3}"
    r"|(?:skip|request)-checks\s*:"
)
"""What CI services read in a message and then do not run, as GitHub's `[skip ci]`."""
_SIGN = re.compile(r"(?i)s(?=kip)|(?<!\\)(?:n(?=o)|r(?=equest))")
_TRAILER = re.compile(
    r"(?im)^[ \t>*-]*(?:[a-z][\w-]{0,40}-by|change-id|depends-on|breaking[ -]change)(?=[ \t]*:)"
)
"""Who made or approved it, and what release tools and review servers act on."""
_CLOSING = re.compile(
    r"(?i)\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?)\b"
    r"[\s\S]*"
)
"""The first word that closes what is referred to behind it, and all that stands behind it: where a
host stops to read on is its own."""
_ISSUE = re.compile(
    r"#(?=\d)|\b[Gg][Hh]-(?=\d)"
    r"|:(?=//\S{1,200}/(?:issues|pull|merge_requests|work_items)/\d)"
)
_REFERENCE = re.compile(r"@(?=\w)|#(?=\d)|\b[Gg][Hh]-(?=\d)|:(?=//)")

Break = Callable[[str], str]
"""What stands for a sign of a text so that nothing acts on it."""


def joined(sign: str) -> str:
    """The sign, and an invisible one after it."""
    return sign + JOINER


def inert(text: str, broken: Break = joined) -> str:
    """A text that looks the same and does nothing in a commit message: it skips no checks, closes
    no issue, names no author. Where a host squashes a pull request, its description is one."""

    def apart(found: re.Match[str]) -> str:
        return broken(found[0])

    text = _DIRECTIVE.sub(lambda found: _SIGN.sub(apart, found[0]), text)
    text = _TRAILER.sub(lambda found: found[0][:-1] + broken(found[0][-1]), text)
    return _CLOSING.sub(lambda found: _ISSUE.sub(apart, found[0]), text)


def inert_message(text: str) -> str:
    """A commit message or title that is `inert`, mentions nobody and refers to nothing: names of
    tests and a model's words get into it."""
    return _REFERENCE.sub(lambda found: joined(found[0]), inert(text))


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

    `prefix` is the folder of the project inside the repository. The message is written as
    `inert_message` has it. Raises CommitRefused when a file in the base is not, byte for byte,
    what the patch was made against; GitFailed.
    """
    extra = {"GIT_INDEX_FILE": str(scratch / "index"), **author.variables()}
    work = _Work(replace(repository, work_tree=None, extra=extra), scratch)
    tree = work.tree(base, prefix, changes)
    return work.run("commit-tree", tree, "-p", base, "-m", inert_message(message))


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
