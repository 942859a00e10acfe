"""Reads configuration files that may be broken or hostile: the worst outcome is a note."""

from __future__ import annotations

import ast
import configparser
from collections.abc import Mapping
from typing import Any

from sandbox.host.untrusted_toml import parse_toml
from sandbox.host.untrusted_yaml import parse_yaml
from sandbox.snapshots.snapshot import Snapshot
from sandbox.syntax import parse_module

MAX_CONFIG_FILE_BYTES = 1024 * 1024
"""A configuration file larger than this is not read."""

Table = Mapping[str, Any]


class ConfigFiles:
    """The configuration files of one snapshot, each parsed once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.notes: list[str] = []
        self._parsed: dict[str, Any] = {}

    def exists(self, path: str) -> bool:
        entry = self.snapshot.entries.get(path)
        return entry is not None and entry.kind == "file"

    def text(self, path: str) -> str:
        """Return the file as text; `""` when it is absent or too large."""
        if not self.exists(path):
            return ""
        if self.snapshot.entries[path].size > MAX_CONFIG_FILE_BYTES:
            self._note(f"{path} is larger than {MAX_CONFIG_FILE_BYTES // 1024} KiB and is not read")
            return ""
        return self.snapshot.read(path).decode("utf-8-sig", "replace").replace("\r\n", "\n")

    def toml(self, path: str) -> Table:
        """Return a TOML file's tables; `{}` when it is absent or not valid."""
        if path not in self._parsed:
            try:
                self._parsed[path] = parse_toml(self.text(path))
            except ValueError as error:
                self._note(f"{path} is not valid TOML and is ignored: {first_line(error)}")
                self._parsed[path] = {}
        return self._parsed[path]  # type: ignore[no-any-return]

    def ini(self, path: str) -> Mapping[str, Mapping[str, str]]:
        """Return an INI file's sections; `{}` when it is absent or not valid."""
        if path not in self._parsed:
            self._parsed[path] = self.ini_text(path, self.text(path))
        return self._parsed[path]  # type: ignore[no-any-return]

    def ini_text(self, path: str, text: Any) -> Mapping[str, Mapping[str, str]]:
        """Return the sections of a text that stands in the file `path`; `{}` when not valid."""
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(text if isinstance(text, str) else "", path)
            return {name: dict(parser[name]) for name in parser.sections()}
        except (configparser.Error, ValueError, AttributeError) as error:
            self._note(f"{path} cannot be read and is ignored: {first_line(error)}")
            return {}

    def yaml(self, path: str) -> Any:
        """Return what a YAML file holds, all scalars as text; `{}` when absent or not valid."""
        if path not in self._parsed:
            try:
                self._parsed[path] = parse_yaml(self.text(path)) or {}
            except ValueError as error:
                self._note(f"{path} is not valid YAML and is ignored: {first_line(error)}")
                self._parsed[path] = {}
        return self._parsed[path]

    def syntax(self, path: str) -> ast.Module:
        """Return the syntax tree of a Python file; an empty one when it cannot be parsed."""
        if path not in self._parsed:
            try:
                self._parsed[path] = parse_module(self.text(path))
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                self._note(f"{path} cannot be parsed and is ignored: {first_line(error)}")
                self._parsed[path] = ast.Module(body=[], type_ignores=[])
        return self._parsed[path]  # type: ignore[no-any-return]

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def table(data: Any, *keys: str) -> Table:
    """Return the table at `keys`; `{}` when something on the way is not a table."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def words(value: Any) -> tuple[str, ...]:
    """Return the strings of a list, or the lines of a string; nothing for anything else."""
    if isinstance(value, str):
        value = value.splitlines()
    if not isinstance(value, list | tuple):
        return ()
    return tuple(item.strip() for item in value if isinstance(item, str) and item.strip())


def text_or_none(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def texts(values: Table) -> dict[str, str]:
    """Return the entries of a table that are text or whole numbers, as text."""
    is_text = {name: isinstance(value, str) for name, value in values.items()}
    return {
        name: str(value)
        for name, value in values.items()
        if is_text[name] or (isinstance(value, int) and not isinstance(value, bool))
    }


def first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
