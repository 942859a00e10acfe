"""What somebody may have meant who named a test that is not there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

MAX_READ_FILES = 500
MAX_NEAR = 3
CUTOFF = 0.6
"""Of difflib's ratio."""
_TEST = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+((?:test|Test)\w*)", re.MULTILINE)


def near_names(
    only: Sequence[str], files: Iterable[str], text_of: Callable[[str], str]
) -> list[str]:
    """Names of test files, or of tests in them, that are near to those given; best first.

    `files`: paths of the test files. Nothing is run: names come from the sources.
    """
    paths = sorted(files)[:MAX_READ_FILES]
    names: list[str] = []
    for name in only:
        names += _near(name, paths, text_of)
    return list(dict.fromkeys(names))[:MAX_NEAR]


def _near(name: str, paths: list[str], text_of: Callable[[str], str]) -> list[str]:
    path, _, test = name.partition("::")
    if not test and ("/" in path or path.endswith(".py")):
        return _close(path, {file: file for file in paths} | {_last(file): file for file in paths})
    inside = [file for file in paths if file == path] if test else paths
    if test and not inside:  # a file that is not there: the test in another one
        inside = paths
    last_part = _last((test or path).replace("::", "/").replace(".", "/"))
    tests = {
        test_name: f"{file}::{test_name}" for file in inside for test_name in _names(file, text_of)
    }
    return _close(last_part, tests)


def _close(wanted: str, named: dict[str, str]) -> list[str]:
    partial_matches = [whole for name, whole in named.items() if wanted and wanted in name]
    close = [named[name] for name in get_close_matches(wanted, named, n=MAX_NEAR, cutoff=CUTOFF)]
    return [*close, *partial_matches]


def _names(file: str, text_of: Callable[[str], str]) -> list[str]:
    try:
        return _TEST.findall(text_of(file))
    except ValueError:  # it cannot be decoded
        return []


def _last(path: str) -> str:
    return path.rpartition("/")[2]
