"""Reads `package.json` and the other files in which a project configures its tools."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sandbox.host.untrusted_json import read_json
from sandbox.host.untrusted_yaml import parse_yaml
from sandbox.snapshots.snapshot import Snapshot

PACKAGE_FILE = "package.json"
_NAMED = re.compile(r"""["'`](<rootDir>/|\.{1,2}/)?([\w@./-]{1,200})["'`]""")
_ENDS = (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".jsx", ".tsx")
STRING = r"""(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
_PAIR = rf"(?:\w+|{STRING})\s*:\s*{STRING}"
_PLAIN_VALUE = re.compile(
    rf"\s*(?:{STRING}|\[\s*(?:{STRING}\s*,\s*)*(?:{STRING}\s*)?\]"
    rf"|\{{\s*(?:{_PAIR}\s*,\s*)*(?:{_PAIR}\s*)?\}})(?=\s*[,}}\n])"
)
_NO_SETUP = re.compile(
    r"""["']?\b(?:entry|input|alias|external|define|moduleNameMapper|collectCoverageFrom|coverage"""
    r"""\w*|exclude|include|\w*Ignore(?:Patterns)?|modulePaths|roots|testMatch)["']?\s*:\s*"""
)
"""Keys of settings whose values are no programs that run before the tests."""
MAX_FILE_BYTES = 1024 * 1024
"""A larger file is not read."""


@dataclass
class PackageFiles:
    """The configuration files of one snapshot. The worst outcome of a broken one is a note."""

    snapshot: Snapshot
    notes: list[str] = field(default_factory=list)
    folder: str = ""
    """Of a package below the top: all paths are from there, and may lead out of it (`../..`)."""

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """All files of the package."""
        top = f"{self.folder}/" if self.folder else ""
        entries = self.snapshot.entries
        return tuple(path[len(top) :] for path in entries if path.startswith(top))

    def from_top(self, path: str) -> str:
        """The path of a file from the top of the project."""
        return posixpath.normpath(posixpath.join(self.folder, path)) if self.folder else path

    def exists(self, path: str) -> bool:
        entry = self.snapshot.entries.get(self.from_top(path))
        return entry is not None and entry.kind == "file"

    def text(self, path: str) -> str:
        """The file as text; empty when it is absent or too large."""
        if not self.exists(path):
            return ""
        full_path = self.from_top(path)
        if self.snapshot.entries[full_path].size > MAX_FILE_BYTES:
            self._note(f"{full_path} is larger than {MAX_FILE_BYTES // 1024} KiB and is not read")
            return ""
        return self.snapshot.read(full_path).decode("utf-8-sig", "replace")

    def json(self, path: str) -> Mapping[str, Any]:
        """The object in a JSON file; empty when it is absent or not valid."""
        text = self.text(path)
        if not text.strip():
            return {}
        try:
            return dict(read_json(text, _is_object))
        except ValueError as error:
            self._ignored(path, "JSON", error)
            return {}

    def yaml(self, path: str) -> Mapping[str, Any]:
        """The table in a YAML file, all scalars as text; empty when it is absent or not valid."""
        try:
            value = parse_yaml(self.text(path))
        except ValueError as error:
            self._ignored(path, "YAML", error)
            return {}
        return value if isinstance(value, dict) else {}

    def _ignored(self, path: str, kind: str, error: ValueError) -> None:
        place = self.from_top(path)
        self._note(f"{place} is not valid {kind} and is ignored: {_first_line(error)}")

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def named_files(files: PackageFiles, text: str, folder: str = "") -> tuple[str, ...]:
    """Files of the project that settings name between quotes, with their ending or without it; from
    the top, or from the `folder` of the settings. What is only compiled, mapped or left out by them
    does not count."""
    names = [
        posixpath.normpath(f"{place}{prefix.replace('<rootDir>/', '')}{name}")
        for prefix, name in _NAMED.findall(_without_values(text))
        for place in dict.fromkeys(("", f"{folder}/" if folder else ""))
        if prefix or name.endswith(_ENDS) or "/" in name
    ]
    candidates = (f"{name}{end}" for name in names for end in ("", *_ENDS))
    return tuple(dict.fromkeys(path for path in candidates if files.exists(path)))


def _without_values(text: str) -> str:
    """Settings without the values of keys that name no set-up."""
    remainder, position = "", 0
    for match in _NO_SETUP.finditer(text):
        if match.start() >= position:
            remainder += text[position : match.start()]
            position = _end_of_value(text, match.end())
    return remainder + text[position:]


def _end_of_value(text: str, start: int) -> int:
    """The end of a plain value: a string, or strings in a list or an object. Any other, such as one
    with brackets in it, stays: only a parser of JavaScript could say where it ends."""
    match = _PLAIN_VALUE.match(text, start)
    return start if match is None else match.end()


def table(data: Any, key: str) -> Mapping[str, Any]:
    """The table at `key`; empty when there is none."""
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def texts(data: Any) -> tuple[str, ...]:
    """The strings of a list, or the one string; nothing for anything else."""
    values = [data] if isinstance(data, str) else data if isinstance(data, list) else []
    return tuple(value for value in values if isinstance(value, str) and value)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
