"""What a list of requirements is for, by its name and by what it holds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sandbox.languages.python.detection.packaging.imported_packages import name_of

DEVELOPERS = frozenset(("dev", "develop", "devel", "development", "all-dev"))
_TOOLS = re.compile(
    r"""black | build | bump2version | codecov | commitizen | coveralls | flake8.* | flit | furo
    | ipython | isort | jupyter.* | mkdocs.* | mypy | nox | pip-tools | pre-commit | pylint
    | pyright | ruff | sphinx.* | towncrier | tox.* | twine""",
    re.VERBOSE,
)


def normal_name(name: str) -> str:
    return name.lower().replace("_", "-")


def for_tests(name: str) -> bool:
    normal = normal_name(name)
    return "test" in normal or normal in ("ci", "unit")


def is_tool(requirement: str) -> bool:
    match = re.match(r"[\w.-]+", requirement)
    return bool(match and _TOOLS.fullmatch(match[0].lower().replace("_", "-")))


def holds_pytest(requirements: Iterable[str]) -> bool:
    return any(re.match(r"pytest\b|hypothesis\b|nose2?\b", name_of(r)) for r in requirements)
