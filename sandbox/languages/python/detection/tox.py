"""What tox installs for a project's tests."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from sandbox.languages.python.detection.config_files import (
    ConfigFiles,
    Table,
    table,
    text_or_none,
    words,
)

_REFERENCE = re.compile(r"\{\[([^\]{}]+)\]([\w-]+)\}")
_CONDITION = re.compile(r"([\w!{},.-]+):\s+(.+)")
_MAX_REFERENCES = 50
_MAX_VALUE_CHARACTERS = 64 * 1024
Sections = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class ToxNeeds:
    """What its test environments are given."""

    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    """Dependency groups (PEP 735)."""
    requirements: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()
    """Requirements files of the project."""


def tox_needs(files: ConfigFiles) -> ToxNeeds:
    """Read tox's main environment; where that installs nothing, the first one named for tests."""
    for settings in _environments(files):
        needs = _needs_of(settings, files)
        if needs != ToxNeeds():
            return needs
    return ToxNeeds()


def tox_environments(files: ConfigFiles) -> tuple[str, ...]:
    """Return the names of its environments, which may say a Python: `py39-django42`."""
    names = [section.removeprefix("testenv:") for section in _sections(files)]
    own = _sections(files).get("tox", _sections(files).get("tox:tox", {}))
    names += [own.get("envlist", ""), own.get("env_list", "")]
    for tables in _toml(files):
        names += [*words(tables.get("env_list")), *table(tables, "env")]
    return tuple(name for name in names if name)


def _environments(files: ConfigFiles) -> Iterator[Mapping[str, Any]]:
    sections = _sections(files)
    yield {key: _resolved(value, sections) for key, value in sections.get("testenv", {}).items()}
    for tables in _toml(files):
        yield table(tables, "env_run_base")
    for name, settings in sections.items():
        if re.match(r"testenv:\{?(?:py|.*test|unit)", name):
            yield {key: _resolved(value, sections) for key, value in settings.items()}
    for tables in _toml(files):
        for name, settings in table(tables, "env").items():
            if re.match(r"py|.*test|unit", str(name)):
                yield table(settings)


def _toml(files: ConfigFiles) -> tuple[Table, ...]:
    return files.toml("tox.toml"), table(files.toml("pyproject.toml"), "tool", "tox")


def _sections(files: ConfigFiles) -> Sections:
    """tox.ini, or where tox looks instead of it."""
    if files.exists("tox.ini"):
        return files.ini("tox.ini")
    legacy = table(files.toml("pyproject.toml"), "tool", "tox").get("legacy_tox_ini")
    if text := text_or_none(legacy):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(text)
        except (configparser.Error, ValueError, AttributeError):
            return {}
        return {name: dict(parser[name]) for name in parser.sections()}
    sections = files.ini("setup.cfg")
    return sections if "tox:tox" in sections else {}


def _resolved(value: str, sections: Sections) -> str:
    """Put in what `{[section]key}` stands for; a circle, or a text that grows, ends."""
    for _ in range(_MAX_REFERENCES):
        match = _REFERENCE.search(value)
        if match is None or len(value) > _MAX_VALUE_CHARACTERS:
            break
        inserted = sections.get(match[1], {}).get(match[2].lower(), "")
        value = value[: match.start()] + inserted + value[match.end() :]
    return value


def _needs_of(settings: Mapping[str, Any], files: ConfigFiles) -> ToxNeeds:
    extras = set(_names(settings.get("extras")))
    requirements: list[str] = []
    requirement_files: set[str] = set()
    for line in map(_without_condition, words(settings.get("deps"))):
        line = line.replace("{toxinidir}/", "").replace("{tox_root}/", "")
        if file := re.match(r"(?:-r|--requirement)[\s=]*([^{}]+)$", line):
            path = PurePosixPath(file[1].strip()).as_posix()
            requirement_files |= {path} if files.exists(path) else set()
        elif own_extras := re.match(r"(?:-e\s*)?\.\[([\w,\s.-]+)\]", line):
            extras |= {extra.strip() for extra in own_extras[1].split(",")}
        elif "{" not in line and not line.startswith("-"):
            requirements.append(line)
    return ToxNeeds(
        extras=frozenset(extras),
        groups=frozenset(_names(settings.get("dependency_groups"))),
        requirements=tuple(requirements),
        files=frozenset(requirement_files),
    )


def _names(value: Any) -> Iterator[str]:
    for line in map(_without_condition, words(value)):
        yield from (name for name in re.split(r"[,\s]+", line) if name)


def _without_condition(line: str) -> str:
    """`py,test: name` holds in some environments only: in those that run tests, it is taken."""
    match = _CONDITION.fullmatch(line)
    if match is None:
        return line
    holds = re.search(r"!|\bpy(?:3\d*)?\b|test|unit|cov", match[1])
    return match[2] if holds else ""
