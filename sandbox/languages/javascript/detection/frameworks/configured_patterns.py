"""Patterns of test files in the settings of jest and vitest. These are programs: they are read as
text, never run."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from sandbox.languages.javascript.detection.configuration_names import CONFIGURATION
from sandbox.languages.javascript.detection.package_file import STRING, PackageFiles
from sandbox.languages.javascript.detection.project import Framework

_KEYS = {Framework.JEST: "testMatch", Framework.VITEST: "include"}
_OF_TESTS = re.compile(r"test|spec", re.IGNORECASE)
"""In a pattern: vitest's coverage has an `include` of its own, of sources."""
_LISTS = {
    framework: re.compile(rf"\b{key}[\"']?\s*:\s*\[\s*((?:{STRING}\s*(?:,\s*)?)*)\]")
    for framework, key in _KEYS.items()
}
_STRINGS = re.compile(STRING)


def configured_patterns(
    framework: Framework, files: PackageFiles, given: Iterable[str] = ()
) -> Iterator[str]:
    """Those that the framework's own settings name, or what the command gives it as such."""
    for path in dict.fromkeys((*CONFIGURATION[framework], *map(posixpath.normpath, given))):
        for strings in _LISTS[framework].findall(files.text(path)):
            for quoted in _STRINGS.findall(strings):
                pattern = quoted[1:-1].removeprefix("<rootDir>/")
                if _OF_TESTS.search(pattern) and not pattern.startswith("!"):
                    yield posixpath.join(posixpath.dirname(path), pattern)
