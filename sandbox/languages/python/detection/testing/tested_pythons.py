"""Which versions of Python a project is tested on, where its classifiers do not say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sandbox.languages.python.detection.config_files import ConfigFiles
from sandbox.languages.python.detection.packaging.setup_py import keyword_texts
from sandbox.languages.python.detection.tox.environments import tox_names
from sandbox.languages.python.detection.workflows import runs_tests, workflow_paths

_VERSION = re.compile(r"(?<![\w.])3\.(\d{1,2})(?![\d])")
_FACTOR = re.compile(r"\bpy(?:thon)?3\.?(\d{1,2})\b")
_FACTOR_LIST = re.compile(r"\bpy\{([^}]*)\}")
_KEY = re.compile(r"^(\s*)(?:-\s*)?['\"]?(?:python[-_ ]?(?:version)?s?|py)['\"]?\s*:(.*)$", re.I)
_OTHER_SERVICES = (".travis.yml", ".gitlab-ci.yml", "azure-pipelines.yml", ".circleci/config.yml")


def tested_pythons(files: ConfigFiles) -> dict[str, tuple[str, ...]]:
    """Return who says it → minor versions ("3.9"), ascending: CI, tox, nox, in that order."""
    sources = {"CI": _in_workflows(files), "tox": _in_tox(files), "nox": _in_nox(files)}
    lists = {name: tuple(f"3.{v}" for v in sorted(set(minors))) for name, minors in sources.items()}
    return {name: versions for name, versions in lists.items() if versions}


def _in_workflows(files: ConfigFiles) -> Iterator[int]:
    for path in (*workflow_paths(files), *_OTHER_SERVICES):
        text = files.text(path)
        if runs_tests(text):
            yield from _minors(_values(text))


def _values(text: str) -> Iterator[str]:
    """What follows a key such as `python-version`, on its line and in the list below it."""
    below = None
    for line in text.splitlines():
        match = _KEY.match(line)
        if match is not None:
            below = len(match[1])
            yield match[2].partition(" #")[0]
        elif below is not None:
            item = line.partition(" #")[0]
            indent = len(item) - len(item.lstrip())
            if item.strip() and (indent < below or not re.match(r"\s*[-\]\['\"\d]", item)):
                below = None
            elif item.strip():
                yield item


def _in_tox(files: ConfigFiles) -> Iterator[int]:
    for name in tox_names(files):
        yield from (int(minor) for minor in _FACTOR.findall(name))
        for group in _FACTOR_LIST.findall(name):
            yield from (int(minor) for minor in re.findall(r"(?<![\d.])3\.?(\d{1,2})(?!\d)", group))


def _in_nox(files: ConfigFiles) -> Iterator[int]:
    yield from _minors(keyword_texts(files.syntax("noxfile.py"), "session", "python"))


def _minors(texts: Iterable[str]) -> Iterator[int]:
    for text in texts:
        yield from (int(minor) for minor in _VERSION.findall(text))
