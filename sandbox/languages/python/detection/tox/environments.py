"""Which environments tox has, in all files that may describe them, and which run the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table, words
from sandbox.languages.python.detection.tox.factors import alternatives
from sandbox.languages.python.detection.tox.substitution import Sections, with_sections

_TESTS_FIRST = (
    re.compile(r"py|python|(?:unit)?-?tests?|pytest|unit"),
    re.compile(r""),
    re.compile(r"\{?(?:py(?:thon)?|3\.)(?:[\d.]+|\{[^{}]*\})(?:,[^-]*)?"),
    re.compile(r"\{?(?:py(?:thon|py)?(?:[\d.]+|\{[^{}]*\})?(?![a-z]).*|.*test.*|unit.*)"),
    re.compile(r"default|dev"),
)
"""Names: for any Python, the base of all, for one Python, for some of the tests, for developers."""
_VERSIONED = 2
_SPELLINGS = {"set_env": "setenv", "change_dir": "changedir"}


@dataclass(frozen=True, kw_only=True)
class ToxEnvironment:
    """One environment with its settings as they are written, untrusted."""

    source: str
    """The file in which it stands."""
    name: str
    """`""` is the base of all: `[testenv]` or `env_run_base`."""
    settings: Table
    base: Table
    """The settings of the base, which hold where the environment has none of its own."""
    sections: Sections = field(default_factory=dict)
    """All sections of an INI file, for references."""

    @property
    def runs_tests(self) -> bool:
        """Whether its name says so, or it is the base."""
        return _rank(self.name) < len(_TESTS_FIRST)

    def sets(self, key: str) -> bool:
        """Whether it has a setting of its own."""
        return _written(self.settings, key) is not None

    def value(self, key: str) -> Any:
        """Return a setting, its own or that of the base, in any spelling; None when absent."""
        setting = _written(self.settings, key)
        return _written(self.base, key) if setting is None else setting

    def lines(self, key: str) -> tuple[str, ...]:
        """Return the lines of a setting, or the strings of a list, with the text of other sections
        put in."""
        value = self.value(key)
        if isinstance(value, str):
            value = with_sections(value, self.sections).replace("\\\n", " ")
        return words(value)


def tox_environments(files: ConfigFiles) -> tuple[ToxEnvironment, ...]:
    """Return all environments, file by file; in each file those come first that run the tests, of
    several for one Python the last."""
    environments: list[ToxEnvironment] = []
    for source, sections in _ini(files):
        environments += _in_order(_of_ini(source, sections))
    for source, tables in _toml(files):
        environments += _in_order(_of_toml(source, tables))
    return tuple(environments)


def factors_of_the_base(files: ConfigFiles) -> frozenset[str]:
    """Return the factors of the listed environments that have no section of their own: they run
    what the base runs, the tests, each with something else installed."""
    section_names = {environment.name for environment in tox_environments(files)}
    names = (
        name.strip()
        for text in _listed(files)
        for part in text.split("\n")
        for name in alternatives(part)
    )
    return frozenset(f for name in names if name not in section_names for f in name.split("-") if f)


def tox_names(files: ConfigFiles) -> tuple[str, ...]:
    """Return the names of the environments, which may say a Python: `py39-django42`."""
    names = [environment.name for environment in tox_environments(files)]
    return tuple(name for name in (*names, *_listed(files)) if name)


def _listed(files: ConfigFiles) -> Iterator[str]:
    """The texts of `env_list`: several names in one, braces and all."""
    for _, sections in _ini(files):
        section = sections.get("tox", sections.get("tox:tox", {}))
        yield from (section.get("envlist", ""), section.get("env_list", ""))
    for _, tables in _toml(files):
        yield from words(tables.get("env_list"))


def _ini(files: ConfigFiles) -> Iterator[tuple[str, Sections]]:
    """(file, sections), in the order in which tox looks for them."""
    if files.exists("tox.ini"):
        yield "tox.ini", files.ini("tox.ini")
    else:
        yield "setup.cfg", files.ini("setup.cfg")
    legacy = table(files.toml("pyproject.toml"), "tool", "tox").get("legacy_tox_ini")
    if legacy:
        yield "pyproject.toml", files.ini_text("pyproject.toml", legacy)


def _toml(files: ConfigFiles) -> Iterator[tuple[str, Table]]:
    yield "tox.toml", files.toml("tox.toml")
    yield "pyproject.toml", table(files.toml("pyproject.toml"), "tool", "tox")


def _of_ini(source: str, sections: Sections) -> Iterator[ToxEnvironment]:
    for section, settings in sections.items():
        kind, _, name = section.partition(":")
        if kind == "testenv":
            base = sections.get("testenv", {})
            yield ToxEnvironment(
                source=source, name=name, settings=settings, base=base, sections=sections
            )


def _of_toml(source: str, tables: Table) -> Iterator[ToxEnvironment]:
    base = table(tables, "env_run_base")
    environments = {str(name): table(settings) for name, settings in table(tables, "env").items()}
    for name, settings in {**({"": base} if base else {}), **environments}.items():
        yield ToxEnvironment(source=source, name=name, settings=settings, base=base)


def _in_order(environments: Iterator[ToxEnvironment]) -> list[ToxEnvironment]:
    def place(numbered: tuple[int, ToxEnvironment]) -> tuple[int, int]:
        number, environment = numbered
        rank = _rank(environment.name)
        return rank, -number if rank == _VERSIONED else number

    return [environment for _, environment in sorted(enumerate(environments), key=place)]


def _rank(name: str) -> int:
    ranks = (rank for rank, names in enumerate(_TESTS_FIRST) if names.fullmatch(name))
    return next(ranks, len(_TESTS_FIRST))


def _written(settings: Mapping[str, Any], key: str) -> Any:
    return settings.get(key, settings.get(_SPELLINGS.get(key, key)))
