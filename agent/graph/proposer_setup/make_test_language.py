"""Puts what a test made of a statement needs to know of the language together, from the project."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from agent.graph.context.prepared_project import PreparedProject
from agent.reproduction.import_names import importable_names
from agent.reproduction.javascript.bindings import bindings_of, exported, module_name
from agent.reproduction.javascript.tests import JavaScriptTests
from agent.reproduction.test_language import PythonTests, TestLanguage
from agent.reproduction.test_location import TestLocation
from sandbox.languages.javascript.canary import is_module_file, name_like
from sandbox.languages.javascript.detection.package_file import PACKAGE_FILE, PackageFiles
from sandbox.languages.javascript.detection.project import Framework, JavaScriptProject
from sandbox.languages.python.detection.project import PythonProject

_MAIN = ("index", "src/index", "lib/index", "src/main")
_ENDS = ("", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", "/index.js", "/index.ts")


def make_test_language(prepared: PreparedProject, place: TestLocation) -> TestLanguage:
    """How tests are written in the file of this place."""
    project = prepared.project
    if isinstance(project, JavaScriptProject):
        return _javascript(prepared, project, place)
    assert isinstance(project, PythonProject)  # others make no test of a statement
    importable = importable_names(_sources(prepared), project.import_roots, project.modules)
    return PythonTests(importable=importable, as_case=place.as_case)


def name_of_new_tests(prepared: PreparedProject) -> Callable[[str, str], str]:
    """What a new file of tests is called, by the name of one beside it and a mark of its own."""
    if prepared.python is not None:
        return lambda _, mark: f"test_issue_{mark}.py"
    return lambda name, mark: name_like(name, f"issue{mark}")


def _javascript(
    prepared: PreparedProject, project: JavaScriptProject, place: TestLocation
) -> JavaScriptTests:
    package = project.package_of(place.path)
    folder = posixpath.dirname(place.path)
    text = prepared.any_text(place.beside) or ""
    files = PackageFiles(prepared.snapshot, folder=package.folder)
    is_module = is_module_file(place.beside, text.encode("utf-8", "replace"))
    main = _main(files)
    own_name = files.json(PACKAGE_FILE).get("name")
    return JavaScriptTests(
        framework=package.framework,
        is_module=is_module or package.framework is Framework.VITEST,
        package=own_name if isinstance(own_name, str) else project.name,
        beside=bindings_of(text),
        exports=exported(_sources(prepared), folder),
        main=module_name(files.from_top(main), folder) if main else "",
    )


def _main(files: PackageFiles) -> str:
    """The file that the package's name stands for; empty where it is made by a build."""
    package = files.json(PACKAGE_FILE)
    named = [name for key in ("main", "module") if isinstance(name := package.get(key), str)]
    places = [posixpath.normpath(name) for name in (*named, *_MAIN)]
    candidates = (f"{place}{end}" for place in places for end in _ENDS)
    return next(filter(files.exists, candidates), "")


def _sources(prepared: PreparedProject) -> Iterator[tuple[str, str]]:
    for path in prepared.source_files():
        text = prepared.source_text(path)
        if text is not None:
            yield path, text
