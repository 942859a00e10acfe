"""Small projects in a real sandbox, for the suites about runners and the evaluator."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.base import MEBIBYTE, Limits, Session
from sandbox.engines.choose import AnySandbox
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.source import SourceEdit
from tests.support.own_plugins import OWN_PLUGINS_OFF
from tests.support.sandbox_case import pack_tar
from tests.support.verdict_case import this_environment

Open = Callable[[Mapping[str, str]], Session]


def setup() -> PytestSetup:
    """Without the plugins that happen to be in this environment: they only cost time."""
    return PytestSetup(python=sys.executable, addopts=OWN_PLUGINS_OFF)


@pytest.fixture
def open_project(need_sandbox: Callable[[str], AnySandbox], tmp_path: Path) -> Iterator[Open]:
    """Open a session whose workspace holds these files."""
    sandbox = need_sandbox("bubblewrap")
    limits = Limits(memory_bytes=2048 * MEBIBYTE)
    with ExitStack() as stack:

        def open_session(files: Mapping[str, str]) -> Session:
            content = {path: text.encode() for path, text in files.items()}
            tar = pack_tar(tmp_path / "project.tar", content)
            return stack.enter_context(sandbox.open(this_environment(), tar, limits))

        yield open_session


def edit(path: str, text: str, before: str, after: str) -> SourceEdit:
    """Replace the first `before` in `text`."""
    start = text.index(before)
    return SourceEdit(path, start, start + len(before), after)
