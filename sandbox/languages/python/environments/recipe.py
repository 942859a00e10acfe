"""What is installed into a project's environment, and the key it is kept under."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sandbox.host.untrusted_toml import parse_toml
from sandbox.languages.python.detection.config_files import ConfigFiles, table
from sandbox.languages.python.detection.packaging.extensions import Extensions
from sandbox.languages.python.detection.project import Member, PythonProject
from sandbox.languages.python.environments.installation.index_only import files_read, from_index
from sandbox.languages.python.environments.missing_plugins import missing_plugins
from sandbox.snapshots.snapshot import Snapshot

RECIPE_VERSION = 7
"""Raise it when the same input is installed in another way."""
BASE_REQUIREMENTS = ("pytest>=7", "coverage>=5.5")
_PKG_RESOURCES = re.compile(rb"^[^\S\n]*(?:import|from) pkg_resources\b(\.extern\b)?", re.M)
_SETUPTOOLS_FOR_NEWER = re.compile(r"setuptools\s*(?:[<>=!~][^;]*)?;.*python_(?:full_)?version\s*>")
"""Up to 3.11 the virtual environments that people make by tox or venv bring setuptools along."""
_MAX_SCANNED_FILES = 20_000
_MAX_LOCK_BYTES = 16 * 1024 * 1024
"""Bytes; a larger lock file is not read."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what the environment holds."""

    command: str | None = None
    """Replaces all that follows but the base."""
    editable: bool = False
    """The project itself can be installed."""
    extras: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    """Folders of packages below that are installed as well, with their extras in brackets."""
    dependencies: tuple[str, ...] = ()
    """Of the project, for when it cannot be installed itself."""
    files: tuple[str, ...] = ()
    """Requirements files of the project itself."""
    test_files: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    """Exact versions from a lock file."""
    base: tuple[str, ...] = BASE_REQUIREMENTS
    """What Repair itself needs in the environment."""
    version: str | None = None
    """For packages that ask git for theirs; only where it matters."""
    version_tag: str | None = None
    """The tag that the version is from."""
    asks_git: bool = False
    """Its build may want a git history."""
    in_place: bool = True
    """An editable installation serves; else its wheel is installed."""
    build_requires: tuple[str, ...] = ()
    """Requirements of its build."""
    import_roots: tuple[str, ...] = (".",)
    own_modules: tuple[str, ...] = ()
    """Names that its own modules are imported by, lower case."""
    own_packages: tuple[str, ...] = ()
    """Those of them that its name and its compiled modules say are the project."""
    extensions: Extensions | None = None
    """What its build compiles."""
    declared: tuple[str, ...] = ()
    """What the project asks of an index, as far as its files say so without being run."""
    local_files: bool = False
    """A requirement may lead to files of the project."""
    own_pip: bool = False
    """The environment has a pip of its own, for a command that calls it."""
    digests: tuple[tuple[str, str], ...] = ()
    """Requirements files that the installation reads, with their SHA-256."""

    @property
    def only_base(self) -> bool:
        return self == Recipe(base=self.base, own_pip=self.own_pip)

    @property
    def runs_code(self) -> bool:
        """Files of the project may be executed, by a build backend or a command: then the
        environment is that one snapshot's and nobody else's."""
        return self.command is not None or self.editable or bool(self.members) or self.local_files

    def key(self, key_parts: Sequence[str], *shared_with: str) -> str:
        """Return the key of the environment, hex. `shared_with` bounds who may use it."""
        parts = [RECIPE_VERSION, list(key_parts), list(shared_with), asdict(self)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def write_recipe(
    project: PythonProject, snapshot: Snapshot, pytest_below: int | None = None
) -> Recipe:
    """Decide what to install. A folder without packaging gives the same recipe as any other."""
    needs = project.needs
    base = (
        BASE_REQUIREMENTS
        if pytest_below is None
        else (*BASE_REQUIREMENTS, f"pytest<{pytest_below}")
    )
    if project.install is not None:
        return Recipe(
            command=project.install,
            base=base,
            version=snapshot.version,
            own_pip=True,
            **_build(project, snapshot),
        )
    files = (*needs.main_files, *needs.test_files)
    file_groups = [files_read(snapshot, path) for path in files]
    requirements = (
        *needs.requirements,
        *missing_plugins(project, snapshot),
        *_setuptools(project, snapshot),
    )
    return Recipe(
        editable=project.installable,
        extras=needs.extras if project.installable else (),
        members=tuple(_with_extras(member) for member in project.members),
        dependencies=project.metadata.dependencies,
        files=needs.main_files,
        test_files=needs.test_files,
        requirements=requirements,
        constraints=tuple(_locked(snapshot, project)),
        base=base,
        version=snapshot.version if project.installable or project.members else None,
        declared=tuple(_declared(project)) if project.installable else (),
        local_files=None in file_groups or not all(map(from_index, requirements)),
        digests=_digests(snapshot, {path for group in file_groups for path in group or ()}),
        **(_build(project, snapshot) if project.installable else {}),
    )


def _build(project: PythonProject, snapshot: Snapshot) -> dict[str, Any]:
    """What the project's own build asks of its surroundings."""
    return {
        "version_tag": snapshot.tag if project.build.asks_git else None,
        "asks_git": project.build.asks_git,
        "in_place": project.build.works_in_place,
        "build_requires": project.build.requires,
        "import_roots": project.import_roots,
        "own_modules": tuple(sorted(name.lower() for name in project.modules)),
        "own_packages": tuple(sorted(_own_packages(project))),
        "extensions": project.extensions,
    }


def _own_packages(project: PythonProject) -> Iterator[str]:
    modules = project.extensions.modules if project.extensions else ()
    packages = {re.sub(r"[-.]", "_", project.name), *(name.split(".")[0] for name in modules)}
    return (name for name in project.modules if name in packages)


def without_project(recipe: Recipe, snapshot: Snapshot) -> Recipe:
    """Return what of a recipe can be installed without a file of the project being run.

    It saves time and decides nothing: the whole recipe is installed on top of it. A pytest that
    turned out too new for the project is replaced there, too: this was built for it already.
    """
    if recipe.command is not None:
        return Recipe(own_pip=True)
    files = [path for path in recipe.files if files_read(snapshot, path)]
    test_files = [path for path in recipe.test_files if files_read(snapshot, path)]
    requirements = dict.fromkeys((*recipe.declared, *filter(from_index, recipe.requirements)))
    return Recipe(
        files=tuple(files),
        test_files=tuple(test_files),
        requirements=tuple(requirements),
        constraints=recipe.constraints,
        digests=recipe.digests,
    )


def with_newest_base(recipe: Recipe) -> Recipe:
    """The same recipe, with a pytest of any version."""
    return replace(recipe, base=BASE_REQUIREMENTS)


def _with_extras(member: Member) -> str:
    return member.folder + (f"[{','.join(member.extras)}]" if member.extras else "")


def _declared(project: PythonProject) -> Iterator[str]:
    """Dependencies and those of the extras, but no other part of the project by its own name."""
    names = [project.name, *(member.name for member in project.members)]
    own_names = {canonicalize_name(name) for name in names}
    metadata = project.metadata
    extras = (
        requirement
        for name in project.needs.extras
        for requirement in metadata.extras.get(name, ())
    )
    for text in (*metadata.dependencies, *extras):
        if from_index(text) and canonicalize_name(Requirement(text).name) not in own_names:
            yield text


def _digests(snapshot: Snapshot, paths: Collection[str]) -> tuple[tuple[str, str], ...]:
    return tuple((path, snapshot.entries[path].sha256) for path in sorted(paths))


def _setuptools(project: PythonProject, snapshot: Snapshot) -> Iterator[str]:
    """Older projects import what every environment used to hold.

    `pkg_resources.extern` went with setuptools 71, `pkg_resources` is to go with one after 80
    (https://setuptools.pypa.io/en/latest/history.html).
    """
    if any(map(_SETUPTOOLS_FOR_NEWER.match, project.needs.requirements)):
        yield "setuptools<81"
        return
    if not project.installable:
        return
    imports = [
        match[1]
        for path in snapshot.python_files()[:_MAX_SCANNED_FILES]
        if path != "setup.py"
        for match in _PKG_RESOURCES.finditer(snapshot.read(path))
    ]
    if imports:
        yield "setuptools<71" if any(imports) else "setuptools<81"


def _locked(snapshot: Snapshot, project: PythonProject) -> Iterator[str]:
    """Yield `name==version` for the packages a lock file gives one version of."""
    locks = [path for path in project.needs.lock_files if path.endswith((".lock", "pylock.toml"))]
    if not locks or locks[0] == "Pipfile.lock" or snapshot.entries[locks[0]].size > _MAX_LOCK_BYTES:
        return
    try:
        lock = parse_toml(snapshot.read(locks[0]).decode("utf-8", "replace"))
    except ValueError:
        return
    versions: dict[str, set[str]] = {}
    packages = lock.get("package", lock.get("packages"))
    for package in packages if isinstance(packages, list) else []:
        name, version = table(package).get("name"), table(package).get("version")
        if isinstance(name, str) and isinstance(version, str) and _from_index(package):
            versions.setdefault(name, set()).add(version)
    for name, candidates in sorted(versions.items()):
        if (
            len(candidates) == 1
            and name.replace("-", "").replace("_", "").replace(".", "").isalnum()
        ):
            yield f"{name}=={candidates.pop()}"


def _from_index(package: object) -> bool:
    source = table(package, "source")
    return not source or "registry" in source or source.get("type") in ("legacy", "pypi")


def uses_hashes(snapshot: Snapshot, path: str) -> bool:
    """pip refuses a file with hashes together with anything that has none."""
    return "--hash=" in ConfigFiles(snapshot).text(path)
