"""Bugs from the history of public repositories, exported without that history."""

from __future__ import annotations

import argparse
import configparser
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IDENTITY = {
    "GIT_AUTHOR_NAME": "benchmark",
    "GIT_AUTHOR_EMAIL": "benchmark@localhost",
    "GIT_COMMITTER_NAME": "benchmark",
    "GIT_COMMITTER_EMAIL": "benchmark@localhost",
    "GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}
NO_COMMIT = "1" * 40
"""Of a submodule; nobody fetches it."""
ONLY_COMMIT = ("-c", "core.hooksPath=/dev/null", "commit", "-q", "--no-gpg-sign", "-m", "Base")


@dataclass(frozen=True, kw_only=True)
class Bug:
    """One line of the list of bugs: facts of the history, no code."""

    index: int
    """Its place in the whole list, from 0."""
    repo: str
    """owner/name"""
    parent: str
    fix: str
    src: str
    """The one source file that the developers' fix touches."""
    test_files: tuple[str, ...]
    test_side_files: tuple[str, ...]
    """Files that come from the fix in the exported case: tests and their data."""
    f2p: tuple[str, ...]
    """pytest node ids that fail before and pass after."""
    changed_lines: int
    test_seconds: float = 0.0
    """What its test files took when the list was made."""

    @property
    def label(self) -> str:
        return f"{self.index:02d} {self.repo.partition('/')[2]} {self.fix[:8]}"

    @property
    def slug(self) -> str:
        return self.label.replace(" ", "-")


def read_bugs(path: Path) -> list[Bug]:
    """Read the list (JSON lines); exit with a sentence where it is none."""
    bugs = []
    for index, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        try:
            facts: Mapping[str, Any] = json.loads(line)
            bugs.append(
                Bug(
                    index=index,
                    repo=facts["repo"],
                    parent=facts["parent"],
                    fix=facts["fix"],
                    src=facts["src"],
                    test_files=tuple(facts["test_files"]),
                    test_side_files=tuple(facts["test_side_files"]),
                    f2p=tuple(facts["f2p"]),
                    changed_lines=int(facts["add"]) + int(facts["delete"]),
                    test_seconds=float(facts.get("secs_test_files", 0.0)),
                )
            )
        except (ValueError, KeyError) as error:
            sys.exit(f"{path}:{index + 1} is no bug record: {error!r}")
    return bugs


def parse_with_bugs(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse a command line over a list of bugs: with its own options and those all of them have."""
    parser.add_argument("bugs", type=Path, help="list of bugs, JSON lines")
    parser.add_argument("checkouts", type=Path, help="folder with a clone of each repository")
    parser.add_argument("--sandbox", default="bubblewrap", choices=("bubblewrap", "docker"))
    parser.add_argument("--fresh", action="store_true", help="measure anew what is held already")
    parser.add_argument(
        "--workdir", type=Path, default=Path(tempfile.gettempdir()) / "repair-benchmarks"
    )
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    for path in (options.bugs, options.checkouts):
        if not path.exists():
            parser.error(f"there is no {path}")
    options.checkouts = options.checkouts.resolve()
    options.workdir = options.workdir.resolve()
    options.workdir.mkdir(parents=True, exist_ok=True)
    return options


def find_git_dir(checkouts: Path, repo: str) -> Path:
    """Return the git directory of `owner/name` among the checkouts; exit with a sentence else."""
    owner, _, name = repo.partition("/")
    for place in (f"{owner}+{name}", f"{owner}/{name}", f"{owner}-{name}", name, f"{name}.git"):
        for inside in (".git", "repo/.git", "repo", ""):
            folder = checkouts / place / inside
            if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
                return folder
    sys.exit(
        f"no clone of {repo} in {checkouts}; "
        f"get one with: git clone https://github.com/{repo} {checkouts / name}"
    )


@dataclass(frozen=True)
class History:
    """A git directory that is only read."""

    git_dir: Path

    def show(self, commit: str, path: str) -> bytes | None:
        """Return a file's content at a commit; None where it was not there."""
        ended = self._git(["show", f"{commit}:{path}"])
        return ended.stdout if ended.returncode == 0 else None

    def export(self, commit: str, folder: Path) -> None:
        """Write all files of a commit into a new folder: not as an archive, which may leave out
        what `.gitattributes` marks `export-ignore`, such as tests."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            self._must(["read-tree", commit], index)
            self._must(["checkout-index", "--all", "--force", f"--prefix={folder}/"], index)
            for path in self._submodules(commit):
                (folder / path).mkdir(parents=True, exist_ok=True)

    def _submodules(self, commit: str) -> list[str]:
        listed = self._git(["ls-tree", "-r", "-z", commit]).stdout.split(b"\0")
        return [os.fsdecode(one.split(b"\t")[1]) for one in listed if one.startswith(b"160000")]

    def _must(self, arguments: Sequence[str], variables: Mapping[str, str]) -> None:
        ended = self._git(arguments, variables)
        if ended.returncode:
            sys.exit(f"git {arguments[0]} in {self.git_dir}: {ended.stderr.decode().strip()}")

    def _git(
        self, arguments: Sequence[str], variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["git", f"--git-dir={self.git_dir}", *arguments],
            env={**os.environ, **IDENTITY, **(variables or {})},
            capture_output=True,
            check=False,
        )


def export_case(bug: Bug, history: History, folder: Path, *, fixed: bool = False) -> Path:
    """Write the base with the fix's tests (and, when `fixed`, the fix's source) into `folder`."""
    history.export(bug.parent, folder)
    for path in (*bug.test_side_files, *((bug.src,) if fixed else ())):
        content = history.show(bug.fix, path)
        target = folder / path
        if content is None:
            target.unlink(missing_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return folder


def commit_all(folder: Path) -> None:
    """Make the folder a git work tree of one commit, so that tools which ask git find one.

    Some projects take their version from git and do not install without.
    """
    links = [f"160000,{NO_COMMIT},{path}" for path in _empty_submodules(folder)]
    for arguments in (
        ("-c", "init.defaultBranch=main", "init", "-q"),
        ("add", "-A", "-f"),
        *(("update-index", "--add", "--cacheinfo", link) for link in links),
        ONLY_COMMIT,
    ):
        subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**os.environ, **IDENTITY},
            check=True,
            capture_output=True,
        )


def _empty_submodules(folder: Path) -> list[str]:
    """As `.gitmodules` names them, where they are there and empty: `git add` leaves them out."""
    named = configparser.RawConfigParser(strict=False)
    named.read(folder / ".gitmodules")
    paths = [named[section].get("path", "") for section in named.sections()]
    return [path for path in paths if path and not any((folder / path).glob("*"))]


def import_root(bug: Bug, folder: Path) -> str:
    """Return the folder (relative) that must be on the import path for the bug's package."""
    place = (folder / bug.src).parent
    while (place / "__init__.py").exists() and place != folder:
        place = place.parent
    return place.relative_to(folder).as_posix()
