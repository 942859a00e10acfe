"""What a list of requirements is for, by its name and by what it holds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sandbox.languages.python.detection.packaging.imported_packages import name_of

DEVELOPERS = frozenset(("dev", "develop", "devel", "development", "all-dev"))
_LINTER_PLUGINS = r"""pytest-(?: black | checkdocs | codestyle | docstyle | enabler | flake8 | isort
    | mypy | pycodestyle | pydocstyle | pylint | ruff )"""
_TOOLS = re.compile(
    rf"""black | build | bump2version | codecov | commitizen | coveralls | flake8.* | flit | furo
    | ipython | isort | jupyter.* | mkdocs.* | mypy | nox | pip-tools | pre-commit | pylint
    | pyright | ruff | sphinx.* | towncrier | tox.* | twine | types-.* | {_LINTER_PLUGINS}""",
    re.VERBOSE,
)
_FOR_LINTERS = re.compile(rf"types-.* | {_LINTER_PLUGINS}", re.VERBOSE)
_INSTALLERS = re.compile(r"hatch|pdm|pipenv|poetry|tox.*|uv")


def normal_name(name: str) -> str:
    return name.lower().replace("_", "-")


def for_tests(name: str) -> bool:
    normal = normal_name(name)
    return "test" in normal or normal in ("ci", "unit")


def is_tool(requirement: str) -> bool:
    return _is_called(_TOOLS, requirement)


def is_for_linters(requirement: str) -> bool:
    """Whether linters alone need it: their plugins of pytest, and stubs."""
    return _is_called(_FOR_LINTERS, requirement)


def is_installer(requirement: str) -> bool:
    """Whether it installs other packages, which is done without it."""
    return _is_called(_INSTALLERS, requirement)


def _is_called(names: re.Pattern[str], requirement: str) -> bool:
    match = re.match(r"[\w.-]+", requirement)
    return bool(match and names.fullmatch(match[0].lower().replace("_", "-")))


def holds_pytest(requirements: Iterable[str]) -> bool:
    return any(re.match(r"pytest\b|hypothesis\b|nose2?\b", name_of(r)) for r in requirements)
