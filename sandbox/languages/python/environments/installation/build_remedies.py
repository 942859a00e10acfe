"""What an old project's build needs around it, read from how it failed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sandbox.languages.python.detection.packaging.imported_packages import provides

_MISSING = re.compile(r"No module named ['\"]?([A-Za-z_]\w*)")
_BUILD_FAILED = re.compile(
    r"metadata-generation-failed|Getting requirements to build|Preparing (?:editable )?metadata"
    r"|Failed building|Failed to build|setup\.py egg_info|did not run successfully"
)
_CONSTRAINTS = {
    r"No module named ['\"]?pkg_resources": "setuptools<81",
    r"use_2to3 is invalid": "setuptools<58",
    r"setuptools\.command\.test": "setuptools<72",
    r"[Ii]nvalid dash-separated key": "setuptools<78",
    r"install_layout": "setuptools<66",
}
"""What a build says → the setuptools that still has it."""
_ASKED_GIT = re.compile(
    r"setuptools[-_]scm|hatch[-_]vcs|versioningit|dunamai|git describe|rev-parse|NotVersioned"
    r"|short_node|commit[_-]?(?:id|hash)"
)
_BUILD_PACKAGES = ("setuptools<81", "wheel")
_KNOWN = ("numpy", "Cython", "cffi", "pybind11", "six", "packaging", "Jinja2", "setuptools-scm")
"""What a setup.py imports without asking for it: the packages are what their names say."""


@dataclass(frozen=True, kw_only=True)
class BuildSurroundings:
    """How pip is told to build the project."""

    constraints: tuple[str, ...] = ()
    """Of what pip installs for the build alone."""
    isolated: bool = True
    packages: tuple[str, ...] = ()
    """Installed into the environment for a build that is not isolated."""
    own_path: bool = False
    """The project's own modules can be imported by its build."""
    told_version: bool = True
    """Variables tell the version to what would ask git."""


@dataclass(frozen=True, kw_only=True)
class Remedies:
    """Finds the next thing to try for a build that failed."""

    requires: Sequence[str]
    """Requirements of the build that the project declares."""
    dependencies: Sequence[str]
    """What the project itself needs, as far as it is known."""
    own_modules: Collection[str]
    asks_git: bool = False
    tried: set[str] = field(default_factory=set)

    def next(self, output: str, now: BuildSurroundings) -> tuple[BuildSurroundings, str] | None:
        """Return other surroundings and a sentence about them; None when nothing is left."""
        if not _BUILD_FAILED.search(output):
            return None
        ways = (self._constrained, self._opened, self._newer_cmake, self._asked)
        return next((remedy for way in ways if (remedy := way(output, now))), None)

    def _constrained(
        self, output: str, now: BuildSurroundings
    ) -> tuple[BuildSurroundings, str] | None:
        for pattern, constraint in _CONSTRAINTS.items():
            if re.search(pattern, output) and self._new(constraint):
                names = (*now.constraints, constraint)
                return replace(now, constraints=names), f"its build is given {constraint}"
        return None

    def _opened(self, output: str, now: BuildSurroundings) -> tuple[BuildSurroundings, str] | None:
        """Without isolation, a setup.py imports what the environment has."""
        for module in _MISSING.findall(output):
            is_own = module.lower() in self.own_modules
            package = None if is_own else self._package(module)
            if (is_own or package) and self._new(module):
                surroundings = self._open(now, () if package is None else (package,))
                own_path = now.own_path or is_own
                sentence = f"its build imports {module}: again without isolation"
                return replace(surroundings, own_path=own_path), sentence
        return None

    def _open(self, now: BuildSurroundings, more: Sequence[str]) -> BuildSurroundings:
        requirements = now.packages or (*self.requires, *_BUILD_PACKAGES, *self.dependencies)
        packages = (*requirements, *(package for package in more if package not in requirements))
        return replace(now, isolated=False, packages=packages)

    def _newer_cmake(
        self, output: str, now: BuildSurroundings
    ) -> tuple[BuildSurroundings, str] | None:
        """The machine's own CMake goes before none, and may be too old for what it builds."""
        too_old = re.search(r"Unknown CMake command|CMake \S+ or higher is required", output)
        if too_old is None or not self._new("cmake"):
            return None
        return self._open(now, ("cmake", "ninja")), "its build is given a newer CMake"

    def _package(self, module: str) -> str | None:
        candidates = (*self.requires, *self.dependencies, *_KNOWN)
        modules = {module.lower()}
        return next((text for text in candidates if provides(text, modules)), None)

    def _asked(self, output: str, now: BuildSurroundings) -> tuple[BuildSurroundings, str] | None:
        if self.asks_git and _ASKED_GIT.search(output) and self._new("git"):
            return replace(now, told_version=False), "its build asks git itself for the version"
        return None

    def _new(self, name: str) -> bool:
        is_new = name not in self.tried
        self.tried.add(name)
        return is_new


def version_variables(version: str | None, *, told: bool = True) -> Mapping[str, str]:
    """Variables that tell a version to tools that would ask the git history, which is not inside.

    Without a tag a high one is given, so that packages which need this one accept it.
    """
    value = version or "999.0.0"
    names = ("SETUPTOOLS_SCM_PRETEND_VERSION", "PBR_VERSION", "PDM_BUILD_SCM_VERSION")
    variables = {
        **dict.fromkeys(names, value),
        "POETRY_DYNAMIC_VERSIONING_BYPASS": value,
        "UV_DYNAMIC_VERSIONING_BYPASS": value,
    }
    return {**(variables if told else {}), "PIP_ROOT_USER_ACTION": "ignore"}
