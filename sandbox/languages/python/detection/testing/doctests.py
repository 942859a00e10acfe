"""Examples in docstrings and texts that are run as tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.test_setup import RunnerKind, TestSetup
from sandbox.languages.python.detection.testing.test_files import (
    below,
    holds_examples,
    matches,
    test_files,
)
from sandbox.runners.test_ids import named_file

_NO_MODULES = frozenset(("conftest.py", "setup.py"))
"""pytest looks for no examples in them."""


def with_doctests(files: ConfigFiles, setup: TestSetup) -> TestSetup:
    """The files whose examples are tests: by pytest's options, or because nothing else is."""
    if setup.runner is not RunnerKind.PYTEST:
        return setup
    options = (*setup.addopts, *setup.arguments)
    if "--doctest-modules" not in options:
        examples = tuple(_modules_with_examples(files, setup))
        if setup.files or setup.given or not examples:
            return _with_texts(files, setup, options)
        why = "there is no test but the examples in docstrings"
        setup = replace(setup, addopts=(*setup.addopts, "--doctest-modules"), why=why)
        return replace(setup, doctest_modules=examples, paths=setup.paths or examples)
    modules = tuple(_modules_with_examples(files, setup))
    named_paths = tuple(path for path in setup.named if path not in modules)
    test_paths = tuple(path for path in setup.files if path not in modules)
    return _with_texts(
        files, replace(setup, doctest_modules=modules, named=named_paths, files=test_paths), options
    )


def _modules_with_examples(files: ConfigFiles, setup: TestSetup) -> Iterator[str]:
    """Modules with `>>>` that pytest would come to and that are no test files."""
    places = [named_file(path) for path in setup.paths]
    tests = set(test_files(files, setup.patterns, ()))
    for path in files.snapshot.python_files():
        if path in tests or not path.isprintable() or path.rpartition("/")[2] in _NO_MODULES:
            continue
        if below(path, places) and holds_examples(files, path):
            yield path


def _with_texts(files: ConfigFiles, setup: TestSetup, options: Sequence[str]) -> TestSetup:
    """Texts with examples that pytest collects: they judge a patch and may not be changed."""
    globs = [o.partition("=")[2] for o in options if o.startswith("--doctest-glob=")]
    globs += [v for o, v in pairwise(options) if o == "--doctest-glob"]
    if not globs:
        return setup
    places = [named_file(path) for path in setup.paths]
    texts = [
        path
        for path, entry in files.snapshot.entries.items()
        if entry.kind == "file"
        and path.isprintable()
        and not path.endswith(".py")
        and below(path, places)
        and any(matches(path, glob) for glob in globs)
    ]
    return replace(setup, files=(*setup.files, *texts))
