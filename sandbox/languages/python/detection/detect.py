"""From a snapshot to what is known of the project."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from sandbox.languages.base import Overrides
from sandbox.languages.python.detection.config_files import ConfigFiles, table, text_or_none, texts
from sandbox.languages.python.detection.layout import import_roots, top_level_modules
from sandbox.languages.python.detection.packaging.build_system import read_build
from sandbox.languages.python.detection.packaging.extensions import find_extensions
from sandbox.languages.python.detection.packaging.metadata import read_metadata
from sandbox.languages.python.detection.packaging.requirements import find_needs
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.detection.testing.find_tests import find_tests
from sandbox.languages.python.detection.testing.test_files import test_folders
from sandbox.languages.python.detection.testing.tested_pythons import tested_pythons
from sandbox.languages.python.detection.variables.find import find_variables
from sandbox.languages.python.detection.workspace.members import with_members
from sandbox.snapshots.snapshot import Snapshot
from sandbox.snapshots.tarball import parents

_MAX_NAMED = 5
"""Files with odd names that are named one by one."""


def understand(snapshot: Snapshot, overrides: Overrides | None = None) -> PythonProject:
    """Find how the project is installed, imported and tested; what the user gives wins.

    Broken or hostile configuration becomes a note, never an error.
    """
    overrides = overrides or Overrides()
    project = _folder(snapshot, overrides)
    return with_members(project, snapshot, overrides, understand_folder=_folder)


def _folder(snapshot: Snapshot, overrides: Overrides) -> PythonProject:
    """What is known of one folder without the packages below."""
    files = ConfigFiles(snapshot)
    own_install, own_test, own_env = _own_table(files)
    metadata = read_metadata(files)
    variables = find_variables(files, overrides.env, own_env)
    roots, why_roots = import_roots(files, variables.roots)
    setup = find_tests(files, overrides.test or own_test)
    needs = find_needs(files, metadata, setup.files)
    requires = _valid_specifier(files, metadata.requires_python)
    install = overrides.install or own_install
    packaging = f"{metadata.source} describes a package" if metadata.source else "it is no package"
    return PythonProject(
        name=metadata.name or snapshot.name,
        import_roots=roots,
        modules=top_level_modules(snapshot.python_files(), roots),
        tests=setup,
        test_folders=test_folders(snapshot.python_files(), setup),
        metadata=metadata,
        needs=needs,
        submodules=_empty_submodules(files),
        requires_python=requires,
        python=overrides.python,
        python_hint=_python_hint(files),
        tested_pythons=tested_pythons(files),
        extensions=find_extensions(files),
        build=read_build(files),
        install=install,
        variables=variables.values,
        why=(
            f"imported from {', '.join(roots)}: {why_roots}",
            f"tests run by {setup.runner.value}: {setup.why}",
            f"installed by the command given: {install}" if install else packaging,
            *needs.why,
            *variables.why(),
        ),
        notes=(*files.notes, *_unnamable(snapshot), *variables.notes()),
    )


def _own_table(files: ConfigFiles) -> tuple[str | None, str | None, Mapping[str, str]]:
    """Read `[tool.repair]`: the target may say how it is installed and tested, no more."""
    settings = table(files.toml("pyproject.toml"), "tool", "repair")
    names = sorted(str(name)[:40] for name in settings if name not in ("install", "test", "env"))
    if names:
        files.notes.append(
            f"[tool.repair] may set install, test and env; ignored: {', '.join(names)}"
        )
    env = texts(table(settings, "env"))
    return text_or_none(settings.get("install")), text_or_none(settings.get("test")), env


def _valid_specifier(files: ConfigFiles, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        files.notes.append(f"requires-python {text[:60]!r} cannot be read and is ignored")
        return None


def _empty_submodules(files: ConfigFiles) -> tuple[str, ...]:
    paths = {section.get("path", "") for section in files.ini(".gitmodules").values()}
    folders = {parent for path in files.snapshot.entries for parent in parents(path)}
    return tuple(sorted(path for path in paths - folders if path))


def _python_hint(files: ConfigFiles) -> str | None:
    match = re.search(
        r"^[^\S\n]*(?:cpython-?)?(3\.\d+(?:\.\d+)?)", files.text(".python-version"), re.M
    )
    return match[1] if match else None


def _unnamable(snapshot: Snapshot) -> Iterator[str]:
    for path in snapshot.unnamable[:_MAX_NAMED]:
        yield f"{path!r} has a control character in its name: it is neither repaired nor a test"
