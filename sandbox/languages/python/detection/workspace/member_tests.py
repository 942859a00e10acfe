"""How the tests of several packages run together, from the folder above them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.detection.test_setup import RunnerKind, TestSetup
from sandbox.languages.python.detection.testing.pytest_configuration import pytest_options

_SHARED_OPTIONS = (
    *("asyncio_mode", "asyncio_default_fixture_loop_scope", "anyio_mode", "trio_mode"),
    *("python_files", "python_classes", "python_functions", "DJANGO_SETTINGS_MODULE"),
)
"""Settings of pytest that are taken over where all members that have them agree."""


def with_tests_of_members(
    files: ConfigFiles, tests: TestSetup, members: Mapping[str, TestSetup]
) -> TestSetup:
    """The tests of the top, and those of its members where the top has no settings for pytest."""
    if tests.runner is not RunnerKind.PYTEST:
        return tests
    _, source = pytest_options(files)
    return _together(files, tests, members) if source is None else tests


def _together(files: ConfigFiles, tests: TestSetup, members: Mapping[str, TestSetup]) -> TestSetup:
    member_files = {f"{folder}/{path}" for folder, setup in members.items() for path in setup.files}
    elsewhere = [
        path for path in tests.files if not path.startswith(tuple(f"{m}/" for m in members))
    ]
    paths = [
        PurePosixPath(folder, path).as_posix()
        for folder, setup in members.items()
        if setup.files
        for path in (setup.paths or (".",))
    ]
    return replace(
        tests,
        files=tuple(sorted({*elsewhere, *member_files})),
        paths=tests.paths if elsewhere else tuple(paths),
        addopts=(*tests.addopts, *_agreed(files, members)),
    )


def _agreed(files: ConfigFiles, members: Mapping[str, TestSetup]) -> Iterator[str]:
    """`-o NAME=VALUE` for each setting that no two members set otherwise."""
    for name in _SHARED_OPTIONS:
        values = {
            " ".join(value) if isinstance(value, list) else str(value)
            for folder, setup in members.items()
            if setup.files and (value := pytest_options(files, folder)[0].get(name)) is not None
        }
        if len(values) == 1:
            yield from ("-o", f"{name}={values.pop()}")


def without_clashes(project: PythonProject, files: ConfigFiles) -> PythonProject:
    """Import test files by their path where two would have the same name as modules.

    pytest's own default puts the folder of each into `sys.path`, and takes the second of a name
    for a mistake. What else lies in these folders is imported from there all the same.
    """
    tests = project.tests
    has_import_mode = any("import-mode" in option for option in (*tests.addopts, *tests.arguments))
    if has_import_mode or tests.runner is not RunnerKind.PYTEST or not _clash(files, tests.files):
        return project
    tests = replace(tests, addopts=(*tests.addopts, "--import-mode=importlib"))
    helpers = [folder for folder in _plain_folders(files, tests) if _holds_helpers(files, folder)]
    roots = tuple(dict.fromkeys([*project.import_roots, *helpers]))
    return replace(project, tests=tests, import_roots=roots)


def _plain_folders(files: ConfigFiles, tests: TestSetup) -> list[str]:
    """Folders of test files that are no packages."""
    folders = dict.fromkeys(path.rpartition("/")[0] for path in tests.files)
    return [f for f in folders if f and not files.exists(f"{f}/__init__.py")]


def _holds_helpers(files: ConfigFiles, folder: str) -> bool:
    """Something but tests lies there, to be imported by them."""
    names = (p.rpartition("/") for p in files.snapshot.python_files())
    return any(f == folder and not re.match(r"test_|conftest|.*_test\.py", n) for f, _, n in names)


def _clash(files: ConfigFiles, test_files: Sequence[str]) -> bool:
    counts = Counter(_module_name(files, path) for path in test_files)
    return any(count > 1 for count in counts.values())


def _module_name(files: ConfigFiles, path: str) -> str:
    """The name that pytest imports a file by: from the first folder up that is no package."""
    pure = PurePosixPath(path)
    name, folder = pure.name, pure.parent
    while folder.name and files.exists(f"{folder}/__init__.py"):
        name, folder = f"{folder.name}/{name}", folder.parent
    return name
