"""Tells requirements that come from a package index from those that may run the project's files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath

from packaging.requirements import InvalidRequirement, Requirement

from sandbox.snapshots.snapshot import Snapshot

_MAX_REQUIREMENT_FILES = 50
_NAMES_FILE = re.compile(r"(?:-r|--requirement|-c|--constraint)(?:\s+|=|\s*(?=\w))([\w./-]+)")
_HARMLESS = re.compile(
    r"""(?:-i|--index-url|--extra-index-url|-f|--find-links)(?:\s+|=)https?://[^\s'"\\]+
    | --trusted-host(?:\s+|=)[\w.:-]+ | --pre | --prefer-binary
    | --(?:no|only)-binary(?:\s+|=)[\w.,:-]+""",
    re.VERBOSE,
)
_HASHES = re.compile(r"(?:\s+--hash[=\s]\w+:[0-9a-f]+)+$")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_CODING = re.compile(r"coding[:=]")
_ARCHIVE = (".zip", ".whl", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz", ".tlz", ".lz")
_REMOTE_URL = re.compile(r"(?:git\+|hg\+|svn\+|bzr\+)?https?://")


def from_index(requirement: str) -> bool:
    """Say whether a requirement names a package of an index or a URL, and no local file."""
    try:
        parsed_requirement = Requirement(requirement)
    except (InvalidRequirement, RecursionError):
        return False
    if parsed_requirement.url is not None:
        return _REMOTE_URL.match(parsed_requirement.url) is not None
    return not parsed_requirement.name.lower().endswith(_ARCHIVE)


def files_read(snapshot: Snapshot, path: str) -> tuple[str, ...] | None:
    """Return a requirements file and those it names, all in the snapshot; None where a line of
    them is not understood, or names a file that is no list of requirements."""
    files: list[str] = []
    queue = [path]
    while queue:
        path = queue.pop()
        if path in files:
            continue
        references = _names(snapshot, path)
        if references is None or len(files) >= _MAX_REQUIREMENT_FILES:
            return None
        files.append(path)
        queue += references
    return tuple(sorted(files))


def listed_in(snapshot: Snapshot, path: str) -> list[str]:
    """Return the requirements that a file lists, with those of the files it names, as far as
    they can be read; options are left out."""
    requirements: list[str] = []
    queue, paths = [path], set[str]()
    while queue and len(paths) < _MAX_REQUIREMENT_FILES:
        path = queue.pop(0)
        if path in paths or path not in snapshot.entries or snapshot.entries[path].kind != "file":
            continue
        paths.add(path)
        for line in _lines(snapshot.read(path).decode("utf-8", "replace")):
            if match := _NAMES_FILE.fullmatch(line):
                if not line.startswith(("-c", "--constraint")):
                    queue.append(normpath(f"{PurePosixPath(path).parent}/{match[1]}"))
            elif not line.startswith("-"):
                requirements.append(_HASHES.sub("", line))
    return list(dict.fromkeys(requirements))


def _names(snapshot: Snapshot, path: str) -> list[str] | None:
    """The files that one file names, with their folder; None where a line may run something."""
    references = []
    try:
        lines = list(_lines(snapshot.read(path).decode("ascii")))
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    for line in lines:
        if match := _NAMES_FILE.fullmatch(line):
            below = PurePosixPath(path).parent / match[1]
            if ".." in below.parts or below.is_absolute():
                return None
            references.append(below.as_posix())
        elif not _HARMLESS.fullmatch(line) and not from_index(_HASHES.sub("", line)):
            return None
    return references


def _lines(text: str) -> Iterator[str]:
    """The lines of a requirements file as pip reads them: continued, without comments.

    Nothing where another encoding or the environment would decide what they say.
    """
    if any(map(_CODING.search, text.splitlines()[:2])) or "${" in text:
        yield "-"
        return
    prefix = ""
    for line in text.splitlines():
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            prefix += line.removesuffix("\\")
            continue
        full_line = _COMMENT.sub("", prefix + line).strip()
        prefix = ""
        if full_line:
            yield full_line
    if prefix.strip():
        yield prefix.strip()
