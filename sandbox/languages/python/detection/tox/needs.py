"""What tox installs for a project's tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.tox.environments import (
    ToxEnvironment,
    factors_of_the_base,
    tox_environments,
)
from sandbox.languages.python.detection.tox.factors import where_tests_run
from sandbox.languages.python.detection.tox.substitution import TOX_NAMES, WORKSPACE, substituted


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
    """Return the needs of the first environment for tests that installs anything."""
    environments = (e for e in tox_environments(files) if e.runs_tests)
    needs = (_needs_of(environment, files) for environment in environments)
    return next((need for need in needs if need != ToxNeeds()), ToxNeeds())


def _needs_of(environment: ToxEnvironment, files: ConfigFiles) -> ToxNeeds:
    # The tests of an optional part run only where its extra is; versions that a factor pins are
    # for that factor alone, and stay out.
    extras = set(_names(environment, "extras", factors_of_the_base(files)))
    requirements: list[str] = []
    requirement_files: set[str] = set()
    for line in _lines(environment, "deps"):
        if file := re.match(r"(?:-r|--requirement)[\s=]*([^{}]+)$", line):
            path = PurePosixPath(file[1].strip()).as_posix()
            requirement_files |= {path} if files.exists(path) else set()
        elif own_extras := re.match(r"(?:-e\s*)?\.\[([\w,\s.-]+)\]", line):
            extras |= {extra.strip() for extra in own_extras[1].split(",")}
        elif not line.startswith("-"):
            requirements.append(line)
    return ToxNeeds(
        extras=frozenset(extras),
        groups=frozenset(_names(environment, "dependency_groups")),
        requirements=tuple(requirements),
        files=frozenset(requirement_files),
    )


def _names(
    environment: ToxEnvironment, key: str, factors: frozenset[str] = frozenset()
) -> Iterator[str]:
    for line in _lines(environment, key, factors):
        yield from (name for name in re.split(r"[,\s]+", line) if name)


def _lines(
    environment: ToxEnvironment, key: str, factors: frozenset[str] = frozenset()
) -> Iterator[str]:
    """The lines for tests, with paths relative to the project's top; none that cannot be known."""
    for raw_line in environment.lines(key):
        line = re.sub(r"(^|\s)#.*", "", raw_line)
        # What measures coverage may be in pytest's options.
        text = substituted(where_tests_run(line, coverage=True, factors=factors), TOX_NAMES) or ""
        text = text.replace(f"{WORKSPACE}/", "").replace(WORKSPACE, ".").strip()
        if text:
            yield text
